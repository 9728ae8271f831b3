//! The objects that the audit pins: which they are, and how many references it holds to each.

use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use crate::abi::PyObject;
use crate::audit::heap::explained::Explained;

/// More than any code releases too often, far from the count of an immortal object on any version, and an unlikely
/// number in a program.
pub(in crate::audit) const REFERENCES: isize = (1 << 20) + 7;

/// A set with room for more objects returns it to the kernel.
const MOST_ROOM: usize = 1 << 19;

/// No object starts this far from the start of its block.
pub(in crate::audit) const FRONT: usize = 48;

#[derive(Default)]
pub(in crate::audit) struct Pinned {
    pub(in crate::audit) made: u64,
    /// The objects of each set that has not been released, by the set's number. Addresses are in order.
    pub(in crate::audit) sets: BTreeMap<u64, Vec<usize>>,
    /// Objects that are still shown but have lost all references. They stay pinned for good.
    pub(in crate::audit) kept: FxHashSet<usize>,
    /// An empty vector with room for a set.
    pub(in crate::audit) room: Vec<usize>,
    /// The objects that stayed pinned when their set was released, once for each set.
    pub(in crate::audit) for_good: Vec<usize>,
}

impl Pinned {
    /// The objects of a set, in order of addresses.
    pub(in crate::audit) fn objects(&self, number: u64) -> &[usize] {
        self.sets.get(&number).map_or(&[], Vec::as_slice)
    }

    /// The objects of a set, from the lowest address on.
    pub(in crate::audit) fn cursor(&self, number: u64) -> Cursor<'_> {
        Cursor(self.objects(number))
    }

    /// Each pinned object, once for each pin.
    fn all(&self) -> impl Iterator<Item = usize> {
        let sets = self.sets.values().flatten();
        sets.chain(&self.for_good).copied()
    }

    /// Keeps the room of a set for the next one, so that the kernel need not supply new pages.
    pub(in crate::audit) fn keep_room(&mut self, mut objects: Vec<usize>) {
        if (self.room.capacity()..=MOST_ROOM).contains(&objects.capacity()) {
            objects.clear();
            self.room = objects;
        }
    }
}

/// The objects of a set that lie further on.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::audit) struct Cursor<'a>(&'a [usize]);

impl Cursor<'_> {
    /// The pinned object that starts in a block. Blocks must be asked in order of addresses.
    #[inline]
    pub(in crate::audit) fn find(&mut self, block: usize, room: usize) -> Option<*mut PyObject> {
        self.pass(block);
        let &first = self.0.first()?;
        (first - block < room.min(FRONT)).then_some(first as *mut PyObject)
    }

    /// Passes the objects in front of `block`, in steps that get longer: the next block may be near or far.
    #[inline]
    fn pass(&mut self, block: usize) {
        let mut step = 1;
        while self.0.get(step - 1).is_some_and(|&last| last < block) {
            self.0 = &self.0[step..];
            step *= 2;
        }
        let near = &self.0[..self.0.len().min(step)];
        self.0 = &self.0[near.partition_point(|&op| op < block)..];
    }
}

/// Whether any object was ever pinned.
static IN_USE: AtomicBool = AtomicBool::new(false);
static PINNED: LazyLock<Mutex<Pinned>> = LazyLock::new(Mutex::default);

/// Keeps other threads out of this file while the guard lives: a fork then copies no lock that is taken.
#[must_use]
pub fn lock() -> impl std::any::Any {
    pinned()
}

pub(in crate::audit) fn pinned() -> MutexGuard<'static, Pinned> {
    PINNED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of a new set of pins.
pub(in crate::audit) fn new_set() -> u64 {
    // Relaxed, in this file: the host's lock is held.
    IN_USE.store(true, Ordering::Relaxed);
    let mut pinned = pinned();
    pinned.made += 1;
    pinned.made
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
    for objects in pinned().sets.values_mut() {
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
pub(in crate::audit) fn explain(explained: &Explained) {
    for op in pinned().all() {
        explained.explain(op as *mut PyObject, REFERENCES as u32);
    }
}

/// Whether all these references may be those of pins.
pub(in crate::audit) fn may_be_all(refcount: isize) -> bool {
    refcount != 0 && refcount % REFERENCES == 0
}

/// The number of references that pins hold to an object.
pub(in crate::audit) fn of(op: *mut PyObject) -> isize {
    let (pinned, place) = (pinned(), op as usize);
    let sets = pinned.sets.values();
    let pins = sets.filter(|set| set.binary_search(&place).is_ok()).count()
        + pinned
            .for_good
            .iter()
            .filter(|&&other| other == place)
            .count();
    pins as isize * REFERENCES
}

/// While pins are held: remembers objects that must stay pinned for good.
pub(in crate::audit) fn keep(objects: impl Iterator<Item = *mut PyObject>) {
    let mut pinned = pinned();
    if !pinned.sets.is_empty() {
        pinned.kept.extend(objects.map(|op| op as usize));
    }
}
