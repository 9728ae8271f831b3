//! The stacks on which memory blocks were allocated and objects were born, while recording is on.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::lines::{self, LineId};
use super::stacks::{self, StackId};
use crate::abi::PyObject;

static BORN: LazyLock<Mutex<HashMap<usize, Birth>>> = LazyLock::new(Mutex::default);

/// Frames kept of each stack.
pub const FRAMES: usize = 16;

/// The kind of a recorded event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// A memory block was allocated. An object in it may be younger.
    Block,
    /// The block was allocated, and then an object died in it without freeing it.
    UsedBlock,
    /// An object was born.
    Object,
    /// An object was born, and its block was resized since.
    MovedObject,
}

/// A recorded event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Birth {
    /// The kind of the event.
    pub of: Beginning,
    /// The C stack at that time.
    pub stack: StackId,
    /// The line of Python that ran then, if there was one.
    pub line: Option<LineId>,
}

/// Records an event at `place` with the current stack. If there is no memory for it, forgets the place.
///
/// # Safety
/// In a host, its lock is held.
unsafe fn begins(of: Beginning, place: usize) {
    let birth = stacks::capture(FRAMES).map(|stack| Birth {
        of,
        stack,
        // SAFETY: the caller's promise is the callee's.
        line: unsafe { lines::running() },
    });
    keep(place, birth);
}

/// Records an allocation on a thread that may not hold the host's lock. So the line of Python can't be read.
pub fn allocated_anywhere(block: usize) {
    let birth = stacks::capture(FRAMES).map(|stack| Birth {
        of: Beginning::Block,
        stack,
        line: None,
    });
    keep(block, birth);
}

fn keep(place: usize, birth: Option<Birth>) {
    let mut births = lock();
    match birth.filter(|_| births.try_reserve(1).is_ok()) {
        Some(birth) => births.insert(place, birth),
        None => births.remove(&place),
    };
}

/// Forgets everything.
pub fn clear() {
    lock().clear();
}

/// Records an allocation.
///
/// # Safety
/// In a host, its lock is held.
pub unsafe fn allocated(block: usize) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { begins(Beginning::Block, block) };
}

/// Records that a block was resized, and may have moved to `to`. The block keeps its event `before`.
///
/// # Safety
/// In a host, its lock is held, or `before` is known.
pub unsafe fn moved(before: Option<Birth>, to: usize) {
    let Some(mut birth) = before else {
        // SAFETY: in a host, its lock is held, as the caller promises.
        return unsafe { allocated(to) };
    };
    if birth.of == Beginning::Object {
        birth.of = Beginning::MovedObject;
    }
    keep(to, Some(birth));
}

/// Records the birth of an object at that address, or in the block there.
///
/// # Safety
/// In a host, its lock is held.
pub unsafe fn born(place: usize) {
    let mut births = lock();
    if let Some(birth) = births.get_mut(&place)
        && birth.of == Beginning::MovedObject
    {
        // After CPython resizes an object, it creates its first reference again. This is no second birth.
        birth.of = Beginning::Object;
        return;
    }
    drop(births);
    // SAFETY: the caller's promise is the callee's.
    unsafe { begins(Beginning::Object, place) };
}

/// Records that an object died in `block`, which its type may keep in a free list.
pub fn may_be_used_again(block: usize) {
    if let Some(birth) = lock().get_mut(&block) {
        birth.of = Beginning::UsedBlock;
    }
}

/// Forgets an object that died.
pub fn died(op: *mut PyObject) {
    lock().remove(&(op as usize));
}

/// The last event at `place`, if it was recorded.
#[must_use]
pub fn at(place: usize) -> Option<Birth> {
    lock().get(&place).copied()
}

/// The stack on which `op` was born, if it was recorded.
#[must_use]
pub fn of(op: *mut PyObject) -> Option<StackId> {
    at(op as usize).map(|birth| birth.stack)
}

pub(super) fn lock() -> MutexGuard<'static, HashMap<usize, Birth>> {
    BORN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_moves_keeps_its_beginning() {
        // SAFETY: a test has no host.
        let (born, moved) = unsafe { (|place| born(place), |before, to| moved(before, to)) };
        born(0x10);
        let first = at(0x10);
        moved(first, 0x20);
        born(0x20);
        assert_eq!(at(0x20), first, "the first reference after a move is none");
        born(0x20);
        assert_ne!(at(0x20), first, "the next one is");
        moved(None, 0x40);
        assert_eq!(at(0x40).map(|birth| birth.of), Some(Beginning::Block));
        may_be_used_again(0x40);
        assert_eq!(at(0x40).map(|birth| birth.of), Some(Beginning::UsedBlock));
    }
}
