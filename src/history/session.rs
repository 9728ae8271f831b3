//! The steps of a search for names: a run that shows which functions are used, a run that is traced, the verdict.

use std::any::Any;
use std::ffi::CStr;
use std::mem::offset_of;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashSet;

use super::accounts::Accounts;
use super::activations::Calls;
use super::births;
use super::blame::{self, Culprit};
use super::fatal_calls;
use super::functions::{self, Function};
use super::libraries::{self, Library, symbol};
use super::log::Event;
use super::naming::{self, Subject};
use super::refusals;
use super::site::Kinds;
use super::sites::{Found, LONGEST_INSTRUCTION};
use super::threads;
use super::trace::Trace;
use super::trap;
use super::types;
use super::watched::{self, MOST};
use crate::abi::PyTypeObject;
use crate::host;
use crate::watch::frames::Frame;
use crate::watch::stacks;

/// Why nothing can be traced.
const NO_EXTENSION: &CStr =
    c"the function was not named, because no extension module was found in this process";
const BLOCKS: &CStr = c"the function was not named, because an extension may block signals, and there are other threads";
const NOT_OPEN: &CStr = c"the function was not named, because the search has not begun";

/// The functions of CPython that only count.
const COUNTING: [&CStr; 6] = [
    c"Py_IncRef",
    c"Py_DecRef",
    c"_Py_IncRef",
    c"_Py_DecRef",
    c"Py_NewRef",
    c"Py_XNewRef",
];

/// Objects whose addresses are in registers by chance.
const EVERYWHERE: [&CStr; 3] = [c"_Py_NoneStruct", c"_Py_TrueStruct", c"_Py_FalseStruct"];

#[derive(Debug)]
struct Session {
    libraries: Vec<Library>,
    /// The functions of each library.
    functions: Vec<Vec<Function>>,
    /// The number of each library's first function.
    first: Vec<usize>,
    /// The functions that ran, by number.
    entered: FxHashSet<u32>,
    /// The places in the interpreter to which they returned.
    callers: FxHashSet<usize>,
    /// `None`, `True` and `False`.
    everywhere: Vec<usize>,
    /// Whether the next run is the traced one.
    is_second: bool,
    /// Whether another thread ran traced code meanwhile.
    is_shared: bool,
    events: Vec<Event>,
    /// The address of each watched object at the end of the traced run.
    objects: Vec<usize>,
    /// What the last [`judge`] found.
    culprits: Vec<Culprit>,
}

static SESSION: Mutex<Option<Session>> = Mutex::new(None);

/// The lock of this file, for a fork.
pub fn locked() -> Box<dyn Any> {
    Box::new(lock())
}

fn lock() -> MutexGuard<'static, Option<Session>> {
    SESSION.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins a search.
///
/// # Errors
/// One sentence if it can't be done here.
pub fn open() -> Result<(), &'static CStr> {
    refusals::look()?;
    let interpreter = stacks::code().map_or(0..0, |code| code.interpreter.clone());
    let libraries = libraries::extensions(&interpreter);
    if libraries.is_empty() {
        return Err(NO_EXTENSION);
    }
    if !threads::is_alone() && libraries.iter().any(|library| library.blocks_signals) {
        return Err(BLOCKS);
    }
    types::learn();
    open_with(libraries)
}

pub(super) fn open_with(libraries: Vec<Library>) -> Result<(), &'static CStr> {
    let functions: Vec<Vec<Function>> = libraries.iter().map(functions::functions).collect();
    let (mut first, mut count) = (Vec::new(), 0);
    let mut found = Vec::new();
    for all in &functions {
        first.push(count);
        let mut entries = Found::default();
        for (at, function) in all.iter().enumerate() {
            entries.add_one(&function.code, Kinds::ENTRY, (count + at) as u32);
        }
        count += all.len();
        found.push(entries);
    }
    found.push(fatal_calls::sites(threads::is_alone()));
    births::clear();
    for place in 0..MOST {
        watched::set(place, 0);
    }
    trap::install(Box::new(Trace::new(found)?))?;
    *lock() = Some(Session {
        libraries,
        functions,
        first,
        entered: FxHashSet::default(),
        callers: FxHashSet::default(),
        everywhere: EVERYWHERE.into_iter().map(symbol).collect(),
        is_second: false,
        is_shared: false,
        events: Vec::new(),
        objects: Vec::new(),
        culprits: Vec::new(),
    });
    Ok(())
}

/// Begins a run of this thread.
///
/// # Errors
/// One sentence if the code can't be changed.
///
/// # Safety
/// The host's lock is held, and no library is unloaded before [`end`].
pub unsafe fn begin() -> Result<(), &'static CStr> {
    let table = trap::table().ok_or(NOT_OPEN)?;
    // Only a thread without the host's lock can begin to block SIGTRAP after this.
    refusals::look_at_threads()?;
    births::begin();
    fatal_calls::loosen();
    // SAFETY: the handler looks into this table. The caller promises that the libraries stay.
    if let Err(why) = unsafe { table.arm() } {
        fatal_calls::tighten(true);
        return Err(why);
    }
    table.add_counts(watched::counts());
    Ok(())
}

/// Ends a run, and restores all code.
///
/// # Errors
/// One sentence if the run was given up.
///
/// # Safety
/// As [`begin`].
pub unsafe fn end() -> Result<(), &'static CStr> {
    let mut session = lock();
    let (Some(table), Some(session)) = (trap::table(), session.as_mut()) else {
        return Err(NOT_OPEN);
    };
    table.add_counts(watched::counts());
    // SAFETY: the caller's promise is the callee's.
    unsafe { table.disarm() };
    fatal_calls::tighten(true);
    births::end();
    let events = table.events()?;
    if session.is_second {
        session.events = events.to_vec();
        session.is_shared = table.has_other_thread();
        session.objects = watched::all().to_vec();
        return Ok(());
    }
    session.learn(events);
    Ok(())
}

/// Prepares the traced run, in which the objects at these addresses are watched, or those that are born in their place.
///
/// # Errors
/// One sentence if it can't be done.
pub fn watch(objects: &[usize]) -> Result<(), &'static CStr> {
    let mut session = lock();
    let session = session.as_mut().ok_or(NOT_OPEN)?;
    let found = session.sites();
    if found.iter().all(|part| part.sites.is_empty()) {
        return Err(NO_EXTENSION);
    }
    trap::install(Box::new(Trace::new(found)?))?;
    session.is_second = true;
    for (place, &op) in objects.iter().take(MOST).enumerate() {
        match births::of(op) {
            Some((nth, front)) => {
                watched::set(place, 0);
                births::await_birth(nth, front, place);
            }
            None => watched::set(place, op),
        }
    }
    Ok(())
}

/// The functions that are to blame for the object at a place: one with a rule, or several candidates. A leak has the
/// sign 1, an over-release -1.
#[must_use]
pub fn judge(place: usize, sign: i64, is_type: bool) -> Vec<Culprit> {
    let mut session = lock();
    let Some(session) = session.as_mut() else {
        return Vec::new();
    };
    session.culprits = session.verdict(place, sign, is_type).unwrap_or_default();
    session.culprits.clone()
}

/// The frames of a function that the last [`judge`] found.
#[must_use]
pub fn frames(at: usize) -> Vec<Frame> {
    let session = lock();
    let culprit = session
        .as_ref()
        .and_then(|session| session.culprits.get(at));
    culprit.map_or_else(Vec::new, |culprit| culprit.frames.clone())
}

/// The number of sites in the table.
#[cfg(test)]
#[must_use]
pub fn sites() -> usize {
    trap::table().map_or(0, |table| table.sites().len())
}

/// The number of events of the last run.
#[cfg(test)]
#[must_use]
pub fn events() -> usize {
    trap::table().map_or(0, Trace::length)
}

/// Ends the search: no trap, no handler, no memory of it is left.
///
/// # Safety
/// As [`begin`].
pub unsafe fn close() {
    if let Some(table) = trap::table() {
        // SAFETY: the caller's promise is the callee's.
        unsafe { table.disarm() };
        fatal_calls::tighten(true);
    }
    trap::remove();
    births::clear();
    *lock() = None;
}

impl Session {
    fn verdict(&self, place: usize, sign: i64, is_type: bool) -> Option<Vec<Culprit>> {
        let op = self.objects.get(place).copied().filter(|op| *op != 0)?;
        let [first, .., last] = &self.events[..] else {
            return None;
        };
        let change = last.counts[place] - first.counts[place];
        let is_everywhere = self.everywhere.contains(&op);
        if sign > 0 && change <= 0 && !is_everywhere {
            // This run did not leak the object. The count of `None` changes beside it.
            return None;
        }
        let slot = op + offset_of!(PyTypeObject, tp_dealloc);
        let calls = Calls::of(&self.events);
        let accounts = Accounts::of(&calls, place, op);
        let subject = Subject {
            place,
            op,
            references: if change * sign > 0 && !is_everywhere {
                change
            } else {
                sign
            },
            dealloc: is_type.then(|| host::read(slot)).flatten(),
            is_everywhere,
        };
        let mut verdict = naming::name(&calls, &accounts, subject);
        if self.is_shared {
            verdict.rule = None;
        }
        let blamed = verdict.functions.iter();
        Some(
            blamed
                .map(|&function| {
                    let mut culprit =
                        blame::place(&calls, &accounts, subject, function, verdict.rule);
                    // `backtrace` lists the libraries once, and knows no symbol of one that was loaded later.
                    if let Some(frame) = culprit.frames.first_mut()
                        && frame.function.is_none()
                    {
                        frame.function = self.name(function);
                    }
                    culprit
                })
                .collect(),
        )
    }

    /// The name of the function with this number, if its file has symbols.
    fn name(&self, function: u32) -> Option<String> {
        let function = function as usize;
        let library = self.first.partition_point(|&first| first <= function) - 1;
        let all = &self.functions[library];
        all.get(function - self.first[library])?.name.clone()
    }

    /// Learns which functions ran, and who called them, from the events of the first run.
    fn learn(&mut self, events: &[Event]) {
        for event in events.iter().filter(|event| event.kinds.has(Kinds::ENTRY)) {
            self.entered.insert(event.function);
            if !self
                .libraries
                .iter()
                .any(|library| library.is_code(event.caller))
            {
                self.callers.insert(event.caller);
            }
        }
    }

    /// The sites of all functions that ran, and those behind their callers.
    fn sites(&mut self) -> Vec<Found> {
        let mut counting: Vec<usize> = COUNTING.into_iter().map(symbol).collect();
        counting.retain(|&address| address != 0);
        let mut found = Vec::new();
        for ((library, all), &first) in self
            .libraries
            .iter()
            .zip(&mut self.functions)
            .zip(&self.first)
        {
            let numbers = first as u32..(first + all.len()) as u32;
            let entered: Vec<u32> = self
                .entered
                .iter()
                .copied()
                .filter(|number| numbers.contains(number))
                .collect();
            if entered.is_empty() {
                continue;
            }
            functions::name(all, library);
            let mut sites = Found::default();
            for number in entered {
                let at = number as usize - first;
                if all[at].role == functions::Role::Whole {
                    sites.add_function(at, first as u32, all, &counting);
                }
            }
            found.push(sites);
        }
        found.extend(self.places_behind_callers());
        if !found.is_empty() {
            found.push(fatal_calls::sites(threads::is_alone()));
        }
        found
    }

    /// Sites at the places of the interpreter to which functions returned.
    fn places_behind_callers(&self) -> Option<Found> {
        let interpreter = &stacks::code()?.interpreter;
        let mut found = Found::default();
        for &caller in &self.callers {
            if interpreter.contains(&caller) && libraries::follows_call(caller) {
                found.add_one(
                    &(caller..caller + LONGEST_INSTRUCTION),
                    Kinds::OUTSIDE,
                    u32::MAX,
                );
            }
        }
        Some(found)
    }
}
