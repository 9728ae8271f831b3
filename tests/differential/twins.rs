//! The same operation on both sides, and then a look whether they still agree.

use crate::kinds::{Kind, TRACERS, empty};
use crate::library::Symbol;
use crate::listing;
use crate::memory::{store, word};
use crate::operation::{Answer, Call, Effect, Operation, Way};
use crate::side::{Event, OBJECTS, SLOTS, Side};
use crate::stack;
use crate::strange;

/// What the two do not agree on, in words.
pub(crate) type Difference = String;

/// What the driver knows of an object.
#[derive(Clone, Copy, Debug)]
struct Twin {
    kind: Kind,
    alive: bool,
    /// References that the driver owns, and that containers own.
    owned: usize,
    held: usize,
    slots: [Option<usize>; SLOTS],
    immortal: bool,
}

const NOBODY: Twin = Twin {
    kind: Kind::Plain,
    alive: false,
    owned: 0,
    held: 0,
    slots: [None; SLOTS],
    immortal: false,
};

/// So many objects may live from one operation to the next.
const POPULATION: usize = 40;

pub(crate) struct Twins {
    sides: [&'static Side; 2],
    twins: Vec<Twin>,
    alive: Vec<usize>,
    free: Vec<usize>,
    dead: Vec<usize>,
    totals: [isize; 2],
    /// Whether tracemalloc traces.
    tracing: bool,
    /// Whether to print what is done.
    telling: bool,
}

impl Twins {
    pub(crate) fn new(sides: [&'static Side; 2], telling: bool) -> Self {
        Self {
            sides,
            twins: vec![NOBODY; OBJECTS],
            alive: Vec::new(),
            free: (0..OBJECTS).rev().collect(),
            dead: Vec::new(),
            totals: [0; 2],
            tracing: false,
            telling,
        }
    }

    /// Does a whole sequence, and ends what it has left alive.
    pub(crate) fn run(&mut self, sequence: &[Operation]) -> Result<(), Difference> {
        self.alive.clear();
        self.totals = self.sides.map(total);
        for operation in sequence {
            self.apply(*operation)?;
        }
        self.end_all()
    }

    fn tell(&self, text: impl FnOnce() -> String) {
        if self.telling {
            println!("    {}", text());
        }
    }

    /// Does the same on both sides; the answers must be equal.
    fn both<A: PartialEq + std::fmt::Debug>(
        &self,
        what: &str,
        act: impl Fn(&'static Side) -> A,
    ) -> Result<A, Difference> {
        let [ours, theirs] = self.sides.map(|side| {
            side.enter();
            act(side)
        });
        if ours == theirs {
            Ok(ours)
        } else {
            Err(format!("{what} answers {ours:?}, CPython's {theirs:?}"))
        }
    }

    fn apply(&mut self, operation: Operation) -> Result<(), Difference> {
        match operation {
            Operation::New {
                kind,
                way,
                stale,
                script,
            } => {
                if self.alive.len() < POPULATION {
                    let id = self.next();
                    self.tell(|| {
                        format!("{} = new {kind:?}, by {way:?}, script {script}", name(id))
                    });
                    self.birth(kind, way, stale, script)?;
                }
            }
            Operation::Call { call, object } => {
                if let Some(id) = self.pick(object) {
                    self.call(call, id)?;
                }
            }
            Operation::Null { symbol } => {
                self.tell(|| format!("{}(NULL)", symbol.name()));
                self.both(symbol.name(), |side| {
                    let answer = side.call(symbol, &[0]);
                    if symbol == Symbol::Py_XNewRef {
                        answer
                    } else {
                        0
                    }
                })?;
            }
            Operation::Link { holder, slot, held } => {
                if let (Some(holder), Some(held)) = (self.pick_container(holder), self.pick(held)) {
                    self.link(holder, slot.into(), Some(held))?;
                }
            }
            Operation::Unlink { holder, slot } => {
                if let Some(holder) = self.pick_container(holder) {
                    self.link(holder, slot.into(), None)?;
                }
            }
            Operation::SetCount { object, more } => {
                if let Some(id) = self.pick(object) {
                    let count = self.twins[id].owned + self.twins[id].held + usize::from(more);
                    self.twins[id].owned += usize::from(more);
                    self.tell(|| format!("_Py_SetRefcnt({}, {count})", name(id)));
                    self.both("_Py_SetRefcnt", |side| {
                        side.call(Symbol::_Py_SetRefcnt, &[side.object(id), count]);
                    })?;
                }
            }
            Operation::SetSize { object, size } => {
                if let Some(id) = self
                    .pick(object)
                    .filter(|id| self.twins[*id].kind == Kind::Var)
                {
                    self.tell(|| format!("Py_SET_SIZE({}, {size})", name(id)));
                    self.both("the size", |side| {
                        let op = side.object(id);
                        side.call(Symbol::Py_SET_SIZE, &[op, size.into()]);
                        word(side.size_word(op))
                    })?;
                }
            }
            Operation::Dealloc { object } => {
                let lonely = |id: &usize| {
                    let twin = &self.twins[*id];
                    twin.owned == 1 && twin.held == 0 && !twin.immortal
                };
                if let Some(id) = self.pick(object).filter(lonely) {
                    self.tell(|| format!("_Py_Dealloc({}), its count stored as 0", name(id)));
                    self.twins[id].owned = 0;
                    self.both("_Py_Dealloc", |side| {
                        strange::store_count(side, side.object(id), 0);
                        side.call(Symbol::_Py_Dealloc, &[side.object(id)]);
                    })?;
                }
            }
            Operation::Nest {
                depth,
                shape,
                script,
            } => {
                self.tell(|| {
                    format!(
                        "a chain of {depth} containers, shape {shape:#x}, script {script}, dropped"
                    )
                });
                let known = self.alive.len();
                let id = self.nest(depth.into(), shape, script)?;
                self.drop_one(id)?;
                self.settle()?;
                // What has resurrected itself dies another time.
                while let Some(id) = self.alive[known..]
                    .iter()
                    .find(|id| self.twins[**id].owned > 0)
                {
                    self.drop_one(*id)?;
                    self.settle()?;
                }
            }
            Operation::Strange { words, call, kind } => self.strange(words, call, kind)?,
            Operation::Move { object } => {
                if let Some(id) = self.pick(object) {
                    self.move_one(id)?;
                }
            }
            Operation::Deposit { count } => self.deposit(count)?,
            Operation::Low { count, depth } => self.low(count, depth)?,
            Operation::Tracer { which } => self.tracer(which.into())?,
            Operation::Track {
                object,
                domain,
                size,
            } => {
                if let Some(id) = self.pick(object) {
                    self.tell(|| format!("PyTraceMalloc_Track({domain}, {}, {size})", name(id)));
                    self.both("PyTraceMalloc_Track", |side| {
                        let words = [domain.into(), side.object(id), size.into()];
                        side.call(Symbol::PyTraceMalloc_Track, &words) as i32
                    })?;
                }
            }
            Operation::Untrack { object, domain } => {
                if let Some(id) = self.pick(object) {
                    self.tell(|| format!("PyTraceMalloc_Untrack({domain}, {})", name(id)));
                    self.both("PyTraceMalloc_Untrack", |side| {
                        side.call(
                            Symbol::PyTraceMalloc_Untrack,
                            &[domain.into(), side.object(id)],
                        ) as i32
                    })?;
                }
            }
            Operation::Tracing { on } => self.tracing(on)?,
            Operation::Total { symbol } => {
                self.tell(|| format!("{}()", symbol.name()));
                self.both(symbol.name(), |side| {
                    side.call(symbol, &[side.thread_state]);
                })?;
            }
            Operation::List => {
                self.tell(|| "the list of all objects".into());
                self.both("the list of all objects", listing::members)?;
                self.totals = self.sides.map(total);
            }
        }
        self.settle()
    }

    /// The number that the next object will have.
    fn next(&self) -> usize {
        *self.free.last().expect("there is room for an object")
    }

    fn pick(&self, object: u8) -> Option<usize> {
        let n = self.alive.len();
        (n > 0).then(|| self.alive[usize::from(object) % n])
    }

    fn pick_container(&self, object: u8) -> Option<usize> {
        let containers = || {
            self.alive
                .iter()
                .filter(|id| self.twins[**id].kind.is_container())
        };
        let n = containers().count();
        (n > 0).then(|| {
            *containers()
                .nth(usize::from(object) % n)
                .expect("there are so many")
        })
    }

    /// A new object that the driver owns a reference to.
    fn birth(&mut self, kind: Kind, way: Way, stale: u8, script: u8) -> Result<usize, Difference> {
        let id = self.next();
        self.free.pop();
        let stale = strange::stale(stale);
        let size = if kind == Kind::Var { 3 } else { 0 };
        self.both("the birth", |side| {
            let (op, ob_type) = (side.object(id), side.types[kind as usize]);
            side.prepare(op, kind, stale, script.into());
            let symbol = match way {
                Way::Init if kind == Kind::Var => Symbol::PyObject_InitVar,
                Way::Init => Symbol::PyObject_Init,
                Way::NewReference => Symbol::_Py_NewReference,
                Way::NoTotal => Symbol::_Py_NewReferenceNoTotal,
            };
            if way != Way::Init && kind == Kind::Heap {
                side.call(Symbol::Py_IncRef, &[ob_type]);
            }
            let born = side.call(symbol, &[op, ob_type, size]);
            if kind.is_container() {
                side.track(op);
            }
            (way != Way::Init || born == op, word(side.size_word(op)))
        })?;
        self.twins[id] = Twin {
            kind,
            alive: true,
            owned: 1,
            ..NOBODY
        };
        self.alive.push(id);
        Ok(id)
    }

    fn call(&mut self, call: Call, id: usize) -> Result<(), Difference> {
        let twin = self.twins[id];
        if call.effect == Effect::Removes && twin.owned == 0 {
            return Ok(());
        }
        if call.symbol == Symbol::Py_SIZE && twin.kind != Kind::Var {
            return Ok(());
        }
        self.tell(|| format!("{}({})", call.symbol.name(), name(id)));
        let answer = self.answer(call, id)?;
        let twin = &mut self.twins[id];
        match call.effect {
            Effect::Removes => twin.owned -= 1,
            Effect::Adds => twin.owned += 1,
            Effect::Tries if answer != 0 => twin.owned += 1,
            Effect::Tries | Effect::Nothing => {}
        }
        twin.immortal |= matches!(
            call.symbol,
            Symbol::_Py_SetImmortal
                | Symbol::_Py_SetImmortalUntracked
                | Symbol::PyUnstable_SetImmortal
        );
        Ok(())
    }

    fn answer(&self, call: Call, id: usize) -> Result<isize, Difference> {
        self.both(call.symbol.name(), |side| {
            let op = side.object(id);
            // Those that ask for a second argument ask about the object's own.
            let second = if call.symbol == Symbol::Py_Is {
                op
            } else {
                side.type_of(op)
            };
            let answer = side.call(call.symbol, &[op, second]);
            match call.answer {
                Answer::Nothing => 0,
                Answer::Int => (answer as i32) as isize,
                Answer::Size => answer as isize,
                Answer::Same => (answer == op).into(),
                Answer::Type => (answer == second).into(),
            }
        })
    }

    /// Stores a new reference in a slot, or none, and gives up the one that was there.
    fn link(&mut self, holder: usize, slot: usize, held: Option<usize>) -> Result<(), Difference> {
        self.tell(|| {
            format!(
                "{}[{slot}] = {}",
                name(holder),
                held.map_or("NULL".into(), name)
            )
        });
        if let Some(old) = std::mem::replace(&mut self.twins[holder].slots[slot], held) {
            self.twins[old].held -= 1;
        }
        if let Some(held) = held {
            self.twins[held].held += 1;
        }
        self.both("Py_DecRef", |side| {
            let at = side.slot_word(side.object(holder), slot);
            let old = word(at);
            let new = held.map_or(0, |held| side.object(held));
            side.call(Symbol::Py_IncRef, &[new]);
            store(at, new);
            side.call(Symbol::Py_DecRef, &[old]);
        })?;
        Ok(())
    }

    /// Gives up the driver's only reference.
    fn drop_one(&mut self, id: usize) -> Result<(), Difference> {
        self.twins[id].owned -= 1;
        self.both("Py_DecRef", |side| {
            side.call(Symbol::Py_DecRef, &[side.object(id)]);
        })
    }

    /// Each container of the chain holds the next one and some more; returns the first.
    fn nest(&mut self, depth: usize, shape: u8, script: u8) -> Result<usize, Difference> {
        let mut next = None;
        let bit = |n: usize| shape >> (n % 8) & 1 == 1;
        for level in 0..depth {
            let kind = if bit(level + 3) && bit(level) {
                Kind::PhoenixBox
            } else {
                Kind::Box
            };
            let id = self.birth(kind, Way::Init, 0, if level % 7 == 3 { script } else { 0 })?;
            let mut slots = [None; SLOTS];
            let place = usize::from(bit(level + 1)) + usize::from(bit(level + 2));
            slots[place] = next;
            if bit(level) {
                slots[3] = Some(self.birth(Kind::Plain, Way::Init, 0, 0)?);
            }
            if bit(level + 4) {
                slots[0] = slots[0].or(Some(self.birth(Kind::Box, Way::Init, 0, 0)?));
            }
            for (slot, held) in slots.iter().enumerate() {
                let Some(held) = *held else { continue };
                self.twins[held].owned -= 1;
                self.twins[held].held += 1;
                self.both("a slot", |side| {
                    store(side.slot_word(side.object(id), slot), side.object(held))
                })?;
            }
            self.twins[id].slots = slots;
            next = Some(id);
        }
        Ok(next.expect("a chain has a first link"))
    }

    fn strange(&mut self, words: u8, call: Call, kind: Kind) -> Result<(), Difference> {
        let Some(image) = strange::image(self.sides[0].flavour, words, call) else {
            return Ok(());
        };
        if call.symbol == Symbol::Py_SIZE && kind != Kind::Var {
            return Ok(());
        }
        let id = self.birth(kind, Way::Init, words, 0)?;
        self.tell(|| {
            let symbol = call.symbol.name();
            format!(
                "{symbol}({}), a new {kind:?} whose words are {image:x?}",
                name(id)
            )
        });
        self.both("a word", |side| image.store(side, side.object(id)))?;
        self.answer(call, id)?;
        self.settle()?;
        if self.twins[id].alive {
            self.twins[id].owned = 1;
            self.make_mortal(id)?;
            self.drop_one(id)?;
        }
        Ok(())
    }

    /// Whatever an object's words have come to, it has one reference now.
    fn make_mortal(&mut self, id: usize) -> Result<(), Difference> {
        let is_container = self.twins[id].kind.is_container();
        self.both("a word", |side| {
            let op = side.object(id);
            strange::store_count(side, op, 1);
            // What was made immortal isn't tracked any more, and a debug build wants to see it tracked.
            if is_container && !side.gc_state(op).0 {
                side.track(op);
            }
        })
    }

    fn move_one(&mut self, id: usize) -> Result<(), Difference> {
        self.tell(|| format!("{} is moved", name(id)));
        self.both("the new birth", |side| {
            let op = side.object(id);
            let words = side.flavour.words();
            let before: Vec<usize> = words.iter().map(|(offset, _)| word(op + offset)).collect();
            if side.flavour.trace_refs {
                strange::store_count(side, op, 1);
                side.call(Symbol::_Py_ForgetReference, &[op]);
            }
            let no_total = side.flavour.minor >= 12;
            side.call(
                if no_total {
                    Symbol::_Py_NewReferenceNoTotal
                } else {
                    Symbol::_Py_NewReference
                },
                &[op],
            );
            let born: Vec<usize> = words.iter().map(|(offset, _)| word(op + offset)).collect();
            words
                .iter()
                .zip(before)
                .for_each(|((offset, _), word)| store(op + offset, word));
            born
        })?;
        Ok(())
    }

    fn deposit(&mut self, count: u8) -> Result<(), Difference> {
        self.tell(|| format!("{count} dying containers, put aside and ended by hand"));
        for _ in 0..count {
            let id = self.birth(Kind::Box, Way::Init, 0, 0)?;
            self.twins[id].owned = 0;
            self.both("_PyTrash_thread_deposit_object", |side| {
                let op = side.object(id);
                strange::store_count(side, op, 0);
                if side.flavour.types_use_trashcan() {
                    side.untrack(op);
                }
                if side.flavour.trace_refs
                    && side.flavour.types_use_trashcan()
                    && side.has(Symbol::_Py_ForgetReference)
                {
                    side.call(Symbol::_Py_ForgetReference, &[op]);
                }
                let words = if side.flavour.minor >= 13 {
                    [side.thread_state, op]
                } else {
                    [op, 0]
                };
                side.call(Symbol::_PyTrash_thread_deposit_object, &words);
            })?;
        }
        self.both("_PyTrash_thread_destroy_chain", |side| {
            side.call(Symbol::_PyTrash_thread_destroy_chain, &[side.thread_state]);
        })
    }

    fn low(&mut self, count: u8, depth: u8) -> Result<(), Difference> {
        self.tell(|| format!("{count} chains of {depth} containers, dropped where the stack ends; then one where there is room"));
        for n in 0..count {
            let id = self.nest(depth.into(), n, 0)?;
            self.twins[id].owned = 0;
            self.both("Py_DecRef", |side| {
                stack::near_its_end(&|| {
                    side.call(Symbol::Py_DecRef, &[side.object(id)]);
                });
            })?;
        }
        let id = self.birth(Kind::Box, Way::Init, 0, 0)?;
        self.drop_one(id)
    }

    fn tracer(&mut self, which: usize) -> Result<(), Difference> {
        if self.tracing {
            return Ok(());
        }
        self.tell(|| format!("tracer {which} is set"));
        self.both("PyRefTracer_SetTracer", |side| {
            let tracer = which
                .checked_sub(1)
                .map_or(0, |n| TRACERS[n] as *const () as usize);
            side.call(Symbol::PyRefTracer_SetTracer, &[tracer, which]) as i32
        })?;
        self.both("PyRefTracer_GetTracer", |side| {
            let mut data = usize::MAX;
            let found = side.call(Symbol::PyRefTracer_GetTracer, &[(&raw mut data) as usize]);
            (
                found == 0,
                TRACERS
                    .iter()
                    .position(|tracer| *tracer as *const () as usize == found),
                data,
            )
        })?;
        Ok(())
    }

    /// From 3.13 on CPython's tracemalloc takes the tracer's place, and ours doesn't: there is no tracer meanwhile.
    fn tracing(&mut self, on: bool) -> Result<(), Difference> {
        if self.sides[0].has(Symbol::PyRefTracer_SetTracer) {
            self.tracer(0)?;
        }
        self.tracing = on;
        self.tell(|| format!("tracemalloc is {}", if on { "started" } else { "stopped" }));
        for side in self.sides {
            side.enter();
            match (side.is_real, on) {
                (true, true) => run(side, c"import _tracemalloc; _tracemalloc.start(1)"),
                (true, false) => run(side, c"import _tracemalloc; _tracemalloc.stop()"),
                (false, true) => {
                    assert_eq!(side.call(Symbol::pyrefcore_trace_start, &[1]) as i32, 0)
                }
                (false, false) => drop(side.call(Symbol::pyrefcore_trace_stop, &[])),
            }
        }
        self.totals = self.sides.map(total);
        Ok(())
    }

    /// Both must tell the same: in which order what has happened, what is in the heads, and the sums.
    fn settle(&mut self) -> Result<(), Difference> {
        let [ours, theirs] = self.sides.map(|side| side.log.take());
        if ours != theirs {
            return Err(told_apart(&ours, &theirs));
        }
        self.dead.clear();
        for event in ours {
            self.happened(event);
        }
        if !self.dead.is_empty() {
            let twins = &self.twins;
            self.alive.retain(|id| twins[*id].alive);
        }
        let [ours, theirs] = self.sides;
        for id in self.alive.iter().chain(&self.dead) {
            let (op, other) = (ours.object(*id), theirs.object(*id));
            for (offset, field) in ours.flavour.words() {
                let (is, should_be) = (word(op + offset), word(other + offset));
                if is != should_be {
                    return Err(format!(
                        "{field} of {} is {is:#x}, CPython's {should_be:#x}",
                        name(*id)
                    ));
                }
            }
            if self.twins[*id].kind.is_container() && ours.gc_state(op) != theirs.gc_state(other) {
                return Err(format!(
                    "{} is tracked, with flags: {:?}, CPython's {:?}",
                    name(*id),
                    ours.gc_state(op),
                    theirs.gc_state(other)
                ));
            }
        }
        let counts = self
            .sides
            .map(|side| strange::count_words(side, side.types[Kind::Heap as usize]));
        if counts[0] != counts[1] {
            return Err(format!(
                "the words of the heap type are {:x?}, CPython's {:x?}",
                counts[0], counts[1]
            ));
        }
        let totals = self.sides.map(total);
        let [is, should_be] = [0, 1].map(|n| totals[n] - self.totals[n]);
        if is != should_be {
            return Err(format!(
                "the total has changed by {is}, CPython's by {should_be}"
            ));
        }
        if ours.flavour.has_links() {
            let [is, should_be] = self.sides.map(|side| listing::ring(side, &self.alive));
            if is != should_be {
                return Err(format!(
                    "the list of all objects is {}, CPython's {}",
                    names(&is),
                    names(&should_be)
                ));
            }
        }
        Ok(())
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Died(id) => {
                for held in self.twins[id].slots.into_iter().flatten() {
                    self.twins[held].held -= 1;
                }
                self.twins[id] = Twin {
                    kind: self.twins[id].kind,
                    ..NOBODY
                };
                self.dead.push(id);
                self.free.push(id);
            }
            Event::Resurrected(id) => self.twins[id].owned += 1,
            Event::Emptied(id) => {
                if let Some(held) = self.twins[id].slots[0].take() {
                    self.twins[held].held -= 1;
                }
            }
            Event::Aside(_) | Event::Finalized(_) | Event::Traced(..) | Event::TracedNone(..) => {}
        }
    }

    /// Gives everything back: slots first, because containers may hold each other.
    fn end_all(&mut self) -> Result<(), Difference> {
        self.tell(|| "everything that is left is given back".into());
        self.both("a script", |side| {
            self.alive
                .iter()
                .for_each(|id| store(side.script_word(side.object(*id)), 0));
        })?;
        let live = self.alive.clone();
        for slot in 0..SLOTS {
            for id in &live {
                if let Some(held) = self.twins[*id].slots[slot].take() {
                    self.twins[held].held -= 1;
                    self.both("a slot", |side| empty(side, side.object(*id), slot))?;
                    self.settle()?;
                }
            }
        }
        while let Some(id) = self.alive.last().copied() {
            let left = self.twins[id].owned;
            if left <= 1 {
                self.twins[id].owned = 1;
                self.make_mortal(id)?;
            }
            self.drop_one(id)?;
            self.settle()?;
            if left <= 1 && self.twins[id].alive {
                return Err(format!("{} lives on in both", name(id)));
            }
        }
        if self.tracing {
            self.tracing(false)?;
        } else if self.sides[0].has(Symbol::PyRefTracer_SetTracer) {
            self.tracer(0)?;
        }
        self.settle()
    }
}

/// Runs a line of Python.
fn run(side: &Side, text: &std::ffi::CStr) {
    let status = side.call(Symbol::PyRun_SimpleString, &[text.as_ptr() as usize]) as i32;
    assert_eq!(status, 0, "{text:?} fails");
}

/// The total of all references, where there is one.
fn total(side: &Side) -> isize {
    let symbol = if side.flavour.minor >= 12 {
        Symbol::_Py_GetGlobalRefTotal
    } else {
        Symbol::_Py_GetRefTotal
    };
    if side.has(symbol) {
        side.call(symbol, &[]) as isize
    } else {
        0
    }
}

/// a, b, ... z, aa, ...
fn name(id: usize) -> String {
    let letter = char::from(b'a' + (id % 26) as u8);
    if id < 26 {
        letter.into()
    } else {
        format!("{}{letter}", name(id / 26 - 1))
    }
}

fn names(ids: &[usize]) -> String {
    ids.iter().map(|id| name(*id)).collect::<Vec<_>>().join(" ")
}

/// Two logs from where they differ, and one event before that.
fn told_apart(ours: &[Event], theirs: &[Event]) -> Difference {
    let same = ours
        .iter()
        .zip(theirs)
        .take_while(|(ours, theirs)| ours == theirs)
        .count();
    let [ours, theirs] = [ours, theirs].map(|log| {
        let from = same.saturating_sub(1);
        let mut said: Vec<String> = log[from..].iter().take(5).map(say).collect();
        if from > 0 {
            said.insert(0, format!("({from} more)"));
        }
        said.extend((log.len() > from + 5).then(|| "...".into()));
        if said.is_empty() {
            "nothing".into()
        } else {
            said.join("; ")
        }
    });
    format!("what happened:\n    pyrefcore: {ours}\n    CPython:   {theirs}")
}

fn say(event: &Event) -> String {
    match event {
        Event::Died(id) => format!("{} died", name(*id)),
        Event::Aside(id) => format!("{} was put aside", name(*id)),
        Event::Finalized(id) => format!("{} was finalized", name(*id)),
        Event::Resurrected(id) => format!("{} resurrected itself", name(*id)),
        Event::Emptied(id) => format!("{} emptied its first slot", name(*id)),
        Event::Traced(which, event, id) => format!("tracer {which} heard {event} of {}", name(*id)),
        Event::TracedNone(which, event) => format!("tracer {which} heard {event}"),
    }
}
