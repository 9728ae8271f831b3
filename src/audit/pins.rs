//! References that the audit itself holds, so that an object that is released too often stays alive.

use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::getrefcount;
use super::ledger::Ledger;
use super::pass::{Pass, Seen};
use super::snapshot::counted;
use crate::abi::{Head, PyObject};
use crate::lifecycle::death;
use crate::refcount::{Current, Policy};

/// More than any code releases too often, far from the count of an immortal object on any version, and an unlikely
/// number in a program.
pub(super) const REFERENCES: isize = (1 << 20) + 7;

/// No object starts this far from the start of its block.
const FRONT: usize = 48;

/// Objects that are held with [`REFERENCES`] each.
#[derive(Debug)]
pub(super) struct Pins {
    number: u64,
}

#[derive(Default)]
struct Held {
    made: u64,
    /// The objects of each set that has not been released, by the set's number. Addresses are in order.
    sets: BTreeMap<u64, Vec<usize>>,
    /// Objects that are still shown but have lost all references. They stay pinned for good.
    kept: FxHashSet<usize>,
    /// The objects that stayed pinned when their set was released, once for each set.
    for_good: Vec<usize>,
}

impl Held {
    /// Each pinned object, once for each pin.
    fn all(&self) -> impl Iterator<Item = usize> {
        let sets = self.sets.values().flatten();
        sets.chain(&self.for_good).copied()
    }
}

/// Whether any object was ever pinned.
static IN_USE: AtomicBool = AtomicBool::new(false);
static HELD: LazyLock<Mutex<Held>> = LazyLock::new(Mutex::default);

/// Keeps other threads out of this file while the guard lives: a fork then copies no lock that is taken.
#[must_use]
pub fn lock() -> impl std::any::Any {
    held()
}

fn held() -> MutexGuard<'static, Held> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pins {
    /// A new set, without objects.
    pub(super) fn new() -> Self {
        // Relaxed, in this file: the host's lock is held.
        IN_USE.store(true, Ordering::Relaxed);
        // SAFETY: the host's lock is held.
        unsafe { getrefcount::leave_out_pins(true) };
        let mut held = held();
        held.made += 1;
        Self { number: held.made }
    }

    /// Pins mortal objects.
    ///
    /// # Safety
    /// The objects are mortal and not in this set, and the host's lock is held.
    pub(super) unsafe fn hold(&self, objects: impl Iterator<Item = *mut PyObject>) {
        self.with(|own| {
            for op in objects {
                // SAFETY: the object is mortal, and the host's lock is held.
                unsafe { add(op, REFERENCES) };
                own.push(op as usize);
            }
            // The vector holds two sorted runs, old and new. The sort merges them fast.
            own.sort();
        });
    }

    /// Whether a pinned object starts in a block. Blocks must be asked in order of addresses.
    pub(super) fn known(&self) -> impl FnMut(usize, usize) -> bool + use<> {
        let mut own = self.with(|own| own.clone()).into_iter().peekable();
        move |block, room| {
            while own.next_if(|&op| op < block).is_some() {}
            own.peek().is_some_and(|op| op - block < room.min(FRONT))
        }
    }

    pub(super) fn objects(&self) -> usize {
        self.with(|own| own.len())
    }

    fn with<T>(&self, what: impl FnOnce(&mut Vec<usize>) -> T) -> T {
        what(held().sets.entry(self.number).or_default())
    }

    /// Releases the pins. An object without another reference dies, unless the last snapshot saw it shown.
    ///
    /// # Safety
    /// The host's lock is held.
    pub(super) unsafe fn let_go(self) {
        let objects = {
            let mut held = held();
            let objects = held.sets.remove(&self.number).unwrap_or_default();
            if held.sets.is_empty() {
                // SAFETY: the caller's promise is the callee's.
                unsafe { getrefcount::leave_out_pins(false) };
            }
            objects
        };
        for place in objects {
            let op = place as *mut PyObject;
            let is_kept = held().kept.contains(&place);
            if is_kept {
                held().for_good.push(place);
                continue;
            }
            // SAFETY: the object was pinned until now, so it is alive, and the host's lock is held. An object that
            // became immortal meanwhile keeps its count.
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

/// A block of `room` bytes was resized, and may have moved. Code that resizes an object owns it alone and sets its
/// count anew, so the pin is gone. `_PyUnicodeWriter` resizes strings so.
#[inline]
pub fn resized(block: usize, room: usize) {
    if IN_USE.load(Ordering::Relaxed) {
        forget(block, room);
    }
}

#[cold]
fn forget(block: usize, room: usize) {
    for objects in held().sets.values_mut() {
        let at = objects.partition_point(|&op| op < block);
        if objects
            .get(at)
            .is_some_and(|&op| op - block < room.min(FRONT))
        {
            objects.remove(at);
        }
    }
}

/// Explains the references of all pins.
pub(super) fn explain(ledger: &Ledger) {
    for op in held().all() {
        ledger.explain(op as *mut PyObject, REFERENCES as u32);
    }
}

/// Whether all these references may be those of pins.
pub(super) fn may_be_all(refcount: isize) -> bool {
    refcount != 0 && refcount % REFERENCES == 0
}

impl Pass {
    /// The objects that only pins keep alive. These are the objects in `found`, whose references are all pins, and the
    /// objects that only they show.
    ///
    /// # Safety
    /// The walk is done, and the host's lock is still held.
    pub(super) unsafe fn held_by_pins(&mut self, mut found: Vec<Seen>) -> Vec<Seen> {
        let mut references: FxHashMap<usize, isize> = FxHashMap::default();
        let (mut at, mut shown) = (0, Vec::new());
        while let Some(&seen) = found.get(at) {
            at += 1;
            // SAFETY: the walk is done and nothing has died since, so each seen object and each that it shows is alive.
            unsafe {
                self.shown_by(seen, &mut shown);
                for &place in &shown {
                    let op = place as *mut PyObject;
                    let lost = references.entry(place).or_default();
                    *lost += 1;
                    let is_last = counted(op).is_some_and(|refcount| {
                        refcount == self.ledger.explained(op) && may_be_all(refcount - *lost)
                    });
                    if is_last && let Some(seen) = self.find(op) {
                        found.push(seen);
                    }
                }
            }
        }
        found
    }
}

/// The number of references that pins hold to an object.
pub(super) fn of(op: *mut PyObject) -> isize {
    let (held, place) = (held(), op as usize);
    let sets = held.sets.values();
    let pins = sets.filter(|set| set.binary_search(&place).is_ok()).count()
        + held
            .for_good
            .iter()
            .filter(|&&other| other == place)
            .count();
    pins as isize * REFERENCES
}

/// While pins are held: remembers objects that must stay pinned for good.
pub(super) fn keep(objects: impl Iterator<Item = *mut PyObject>) {
    let mut held = held();
    if !held.sets.is_empty() {
        held.kept.extend(objects.map(|op| op as usize));
    }
}

/// # Safety
/// `op` is a mortal object, and the host's lock is held.
unsafe fn add(op: *mut PyObject, references: isize) {
    // SAFETY: `op` is an object; the host's lock is held, so no other thread counts.
    unsafe {
        let count = PyObject::count(op);
        Current::set(count, Current::get(count) + references);
    }
}
