//! Does the same operation on both sides, and then checks that they agree.

mod agreement;
mod naming;
mod special;
mod steps;
mod threads;

use crate::kinds::{Kind, empty};
use crate::library::Symbol;
use crate::listing;
use crate::memory::{store, word};
use crate::operation::{Operation, Way};
use crate::other_thread::OtherThread;
use crate::side::{OBJECTS, SLOTS, Side};
use crate::strange;
use agreement::total;
use naming::name;

/// A description of a difference.
pub(crate) type Difference = String;

/// The driver's record of an object.
#[derive(Clone, Copy, Debug)]
struct Twin {
    kind: Kind,
    alive: bool,
    /// References that the driver owns, and that containers own.
    owned: usize,
    held: usize,
    slots: [Option<usize>; SLOTS],
    /// Whether it has ever been in its owner's queue. The driver makes no such object immortal, because the two differ:
    /// ours leaves a queued immortal object immortal. CPython asserts that there is none; without assertions it merges
    /// the object and counts it from then on.
    was_queued: bool,
}

const NO_TWIN: Twin = Twin {
    kind: Kind::Plain,
    alive: false,
    owned: 0,
    held: 0,
    slots: [None; SLOTS],
    was_queued: false,
};

/// No new object is made if this many are alive.
const POPULATION: usize = 40;

pub(crate) struct Twins {
    sides: [&'static Side; 2],
    twins: Vec<Twin>,
    alive: Vec<usize>,
    free: Vec<usize>,
    dead: Vec<usize>,
    totals: [isize; 2],
    /// The second thread, once it was needed, and whether it does the next steps.
    other: Option<OtherThread>,
    elsewhere: bool,
    /// Whether tracemalloc traces.
    tracing: bool,
    /// Whether to print each step.
    telling: bool,
}

impl Twins {
    pub(crate) fn new(sides: [&'static Side; 2], telling: bool) -> Self {
        Self {
            sides,
            twins: vec![NO_TWIN; OBJECTS],
            alive: Vec::new(),
            free: (0..OBJECTS).rev().collect(),
            dead: Vec::new(),
            totals: [0; 2],
            other: None,
            elsewhere: false,
            tracing: false,
            telling,
        }
    }

    /// Does a whole sequence, and then ends all objects that are left.
    pub(crate) fn run(&mut self, sequence: &[Operation]) -> Result<(), Difference> {
        self.alive.clear();
        self.totals = self.sides.map(total);
        for operation in sequence {
            self.apply(*operation)?;
        }
        self.end_all()
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
                let settled =
                    |id: &usize| !strange::is_queued(self.sides[1], self.sides[1].object(*id));
                if let Some(id) = self.pick(object).filter(settled) {
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
                    let op = self.sides[1].object(*id);
                    twin.owned == 1 && twin.held == 0 && strange::is_unique(self.sides[1], op)
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
                // Drop the objects that were resurrected.
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
                    side.call(symbol, &[side.thread_state()]);
                })?;
            }
            Operation::List => {
                self.tell(|| "the list of all objects".into());
                self.both("the list of all objects", listing::members)?;
                self.totals = self.sides.map(total);
            }
            Operation::Turn { other } => {
                self.tell(|| {
                    format!(
                        "the {} thread goes on:",
                        if other { "other" } else { "first" }
                    )
                });
                self.elsewhere = other;
                if other && self.other.is_none() {
                    self.other = Some(OtherThread::start(self.sides));
                    // CPython knows a thread from its start, our library from its first birth.
                    let id = self.birth(Kind::Plain, Way::Init, 0, 0)?;
                    self.drop_one(id)?;
                }
            }
            Operation::End => self.end_other_thread(),
            Operation::Merge => self.merge()?,
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

    /// Releases everything: slots first, because containers may hold each other.
    fn end_all(&mut self) -> Result<(), Difference> {
        if self.sides[0].flavour.free_threaded {
            self.end_other_thread();
            self.merge()?;
            self.settle()?;
        }
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
            if self.sides[0].flavour.free_threaded {
                self.merge()?;
            }
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
