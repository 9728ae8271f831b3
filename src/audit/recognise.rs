//! Whether a memory block holds an object.

use super::memory::Memory;
use super::types::{TYPE_WORD, TypeId, Types};
use crate::abi::{Head, PyObject};
use crate::lifecycle::gc;
use crate::refcount::{Current, Policy};

/// Bytes of one pair of words.
pub(super) const PAIR: usize = 16;

/// The living object in the block at `block`, which has at most `room` bytes.
///
/// The places where an object can start are tried from the front, and the first whose type word is a type with that many
/// words in front of its instances decides: only then are the count and the links judged. A count that no object has means
/// that the memory is parked in a free list, and links that lead nowhere that the type is left from an object which was
/// there before: the block holds none.
///
/// # Safety
/// `room` bytes can be read from `block` on, or as many as the first object that fits there has.
#[inline]
pub(super) unsafe fn recognise(
    block: usize,
    room: usize,
    types: &mut Types,
    memory: &Memory,
) -> Option<(*mut PyObject, TypeId)> {
    for pairs in 0..3_u8 {
        let start = usize::from(pairs) * PAIR;
        if start + size_of::<PyObject>() > room {
            return None;
        }
        let op = (block + start) as *mut PyObject;
        // SAFETY: the object's head lies in the block.
        let word = unsafe { *((op as usize + TYPE_WORD) as *const usize) };
        let Some(id) = types.judge(word, memory) else {
            continue;
        };
        let info = types.get(id);
        if info.pairs != pairs || start + info.least_size > room {
            continue;
        }
        // SAFETY: as above; the count may be anything, and so may the links, which lie in the block too.
        let is_alive = unsafe {
            Current::is_plausible(PyObject::count(op)) && (!info.has_links || may_be_linked(op))
        };
        return is_alive.then_some((op, id));
    }
    None
}

/// The type of the object that a word leads to; `None` where it leads to none.
///
/// This is the one way from a word that may be anything to an object: the word is aligned, an object's head can be read
/// there, and that has a type and a count that a living object may have.
pub(super) fn object_at(op: *mut PyObject, types: &mut Types, memory: &Memory) -> Option<TypeId> {
    if !op.cast::<u64>().is_aligned() || !memory.is_readable(op as usize, size_of::<PyObject>()) {
        return None;
    }
    // SAFETY: the head can be read, whatever it holds.
    unsafe {
        let id = types.judge(*((op as usize + TYPE_WORD) as *const usize), memory)?;
        Current::is_plausible(PyObject::count(op)).then_some(id)
    }
}

/// Whether the words in front of a container may be its links, which text, for one, is not.
///
/// # Safety
/// They can be read.
unsafe fn may_be_linked(op: *mut PyObject) -> bool {
    /// Bits that no address of a user's has, and one that the address of a link has not.
    const NEVER: usize = !0 << 47 | 4;
    // SAFETY: the caller's promise.
    let head = unsafe { &*gc::head(op) };
    (head._gc_next | head._gc_prev) & NEVER == 0
}
