//! Where memory blocks were handed out and objects were born, while that is recorded.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::lines::{self, LineId};
use super::stacks::{self, StackId};
use crate::abi::PyObject;

static BORN: LazyLock<Mutex<HashMap<usize, Birth>>> = LazyLock::new(Mutex::default);

/// Frames kept of each birth.
pub const FRAMES: usize = 16;

/// What began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// A memory block was handed out. What lies there now may be younger.
    Block,
    /// The block was handed out, and then an object died there without giving it back.
    UsedBlock,
    /// An object was born.
    Object,
    /// An object was born, and its block was resized since.
    MovedObject,
}

/// What is known of one beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Birth {
    /// What began.
    pub of: Beginning,
    /// The C stack at that time.
    pub stack: StackId,
    /// The line of Python that ran then, if there was one.
    pub line: Option<LineId>,
}

/// Notes what begins at a place now. Where there is no memory for that, nothing is known of the place.
fn begins(of: Beginning, place: usize) {
    let birth = stacks::capture(FRAMES).map(|stack| Birth {
        of,
        stack,
        line: lines::running(),
    });
    keep(place, birth);
}

/// A memory block was handed out, perhaps in a thread without the host's lock: which line of Python runs can't be asked.
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

/// A memory block was handed out.
pub fn allocated(block: usize) {
    begins(Beginning::Block, block);
}

/// A memory block was resized, and may have moved to `to`: it began where it began `before`.
pub fn moved(before: Option<Birth>, to: usize) {
    let Some(mut birth) = before else {
        return allocated(to);
    };
    if birth.of == Beginning::Object {
        birth.of = Beginning::MovedObject;
    }
    keep(to, Some(birth));
}

/// An object was born at that address, or in the block there.
pub fn born(place: usize) {
    let mut births = lock();
    if let Some(birth) = births.get_mut(&place)
        && birth.of == Beginning::MovedObject
    {
        // CPython gives an object that it has resized another first reference. It is the same object.
        birth.of = Beginning::Object;
        return;
    }
    drop(births);
    begins(Beginning::Object, place);
}

/// An object died in a block that its type may keep for the next one.
pub fn may_be_used_again(block: usize) {
    if let Some(birth) = lock().get_mut(&block) {
        birth.of = Beginning::UsedBlock;
    }
}

/// An object died.
pub fn died(op: *mut PyObject) {
    lock().remove(&(op as usize));
}

/// What began there last, if that was seen.
#[must_use]
pub fn at(place: usize) -> Option<Birth> {
    lock().get(&place).copied()
}

/// The stack on which the object at that address was born, if that was seen.
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
