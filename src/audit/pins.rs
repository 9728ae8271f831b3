//! References that the audit itself holds, so that an object that is released too often lives on.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::ledger::Ledger;
use crate::abi::{Head, PyObject};
use crate::lifecycle::death;
use crate::refcount::{Current, Policy};

/// More than anybody releases too often, and far from what an immortal object has on any version.
pub(super) const REFERENCES: isize = 1 << 20;

/// Objects that are held with [`REFERENCES`] each.
#[derive(Debug)]
pub(super) struct Pins {
    number: u64,
}

#[derive(Default)]
struct Held {
    made: u64,
    /// The objects of each that has not been let go.
    sets: Vec<(u64, Vec<usize>)>,
    /// Objects that somebody still shows without a reference: they stay held for good.
    kept: HashSet<usize>,
    /// Those that were not let go, each as often as it is held.
    for_good: Vec<usize>,
}

impl Held {
    /// Each object, as often as it is held.
    fn all(&self) -> impl Iterator<Item = usize> {
        let sets = self.sets.iter().flat_map(|(_, objects)| objects);
        sets.chain(&self.for_good).copied()
    }
}

static HELD: LazyLock<Mutex<Held>> = LazyLock::new(Mutex::default);

fn held() -> MutexGuard<'static, Held> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pins {
    /// Holds mortal objects.
    ///
    /// # Safety
    /// They are objects, and the host's lock is held.
    pub(super) unsafe fn hold(objects: Vec<*mut PyObject>) -> Self {
        for &op in &objects {
            // SAFETY: the caller's promise.
            unsafe { add(op, REFERENCES) };
        }
        let mut held = held();
        held.made += 1;
        let number = held.made;
        let objects = objects.into_iter().map(|op| op as usize).collect();
        held.sets.push((number, objects));
        Self { number }
    }

    pub(super) fn objects(&self) -> usize {
        let held = held();
        let own = held.sets.iter().find(|(number, _)| *number == self.number);
        own.map_or(0, |(_, objects)| objects.len())
    }

    /// Lets go of them. What has no reference left dies, unless the last snapshot saw that somebody still shows it.
    ///
    /// # Safety
    /// The host's lock is held.
    pub(super) unsafe fn let_go(self) {
        let (objects, kept) = {
            let mut held = held();
            let place = held
                .sets
                .iter()
                .position(|(number, _)| *number == self.number);
            let objects = place.map_or_else(Vec::new, |at| held.sets.swap_remove(at).1);
            (objects, held.kept.clone())
        };
        for place in objects {
            let op = place as *mut PyObject;
            if kept.contains(&place) {
                self::held().for_good.push(place);
                continue;
            }
            // SAFETY: it was held until now; whoever has made it immortal meanwhile is left alone.
            unsafe {
                if !Current::is_immortal(PyObject::count(op)) {
                    add(op, -REFERENCES);
                    if Current::get(PyObject::count(op)) == 0 {
                        death::dealloc(op);
                    }
                }
            }
        }
    }
}

/// Explains the references of all pins.
pub(super) fn explain(ledger: &Ledger) {
    for op in held().all() {
        ledger.explain(op as *mut PyObject, REFERENCES as u32);
    }
}

/// The references that pins hold to an object.
pub(super) fn of(op: *mut PyObject) -> isize {
    let held = held();
    let pins = held.all().filter(|&other| other == op as usize).count();
    pins as isize * REFERENCES
}

/// Remembers, while something is held, which objects must not be let go.
pub(super) fn keep(objects: impl Iterator<Item = *mut PyObject>) {
    let mut held = held();
    if !held.sets.is_empty() {
        held.kept.extend(objects.map(|op| op as usize));
    }
}

/// # Safety
/// `op` is a mortal object.
unsafe fn add(op: *mut PyObject, references: isize) {
    // SAFETY: the caller's promise; the host's lock is held, so nobody else counts.
    unsafe {
        let count = PyObject::count(op);
        Current::set(count, Current::get(count) + references);
    }
}
