//! Decides whether a memory block holds an object.

use super::recent::Kind;
use super::types::{PAIR, TYPE_WORD, Types};
use crate::abi::{Head, PyObject};
use crate::audit::heap::memory::Memory;
use crate::lifecycle::gc;
use crate::refcount::{Current, Policy};

/// The living object in the block at `block`, which has at most `room` bytes.
///
/// An object can start at three places in a block. The first place decides whose type word is a type with that many
/// words in front of its instances. Then the count and the links are judged. An impossible count means that the memory
/// is parked in a free list. Impossible links mean that the type word is left from an older object. In both cases the
/// block holds no object.
///
/// # Safety
/// `room` bytes can be read from `block` on, or as many as the first object that fits there has.
#[inline(always)]
pub(in crate::audit) unsafe fn recognise<'a>(
    block: usize,
    room: usize,
    types: &'a mut Types,
    memory: &Memory,
) -> Option<(*mut PyObject, &'a Kind)> {
    for pairs in 0..3_u8 {
        let start = usize::from(pairs) * PAIR;
        if start + size_of::<PyObject>() > room {
            return None;
        }
        let op = (block + start) as *mut PyObject;
        // SAFETY: the object's head lies in the block.
        let word = unsafe { *((op as usize + TYPE_WORD) as *const usize) };
        let Some(kind) = types.kind_at(word, memory) else {
            continue;
        };
        if kind.pairs != pairs || start + kind.least_size as usize > room {
            continue;
        }
        // SAFETY: the head lies in the block and so do the links; any values may be there.
        let is_alive = unsafe {
            Current::is_plausible(PyObject::count(op)) && (!kind.has_links || may_be_linked(op))
        };
        return is_alive.then(|| (op, types.last_kind(word)));
    }
    None
}

/// The type of the object at an address; `None` if no object is there.
///
/// Every address of unknown origin must pass this check. It must be aligned, an object's head must be readable there,
/// and the type and the count must be those of a living object.
pub(in crate::audit) fn object_at<'a>(
    op: *mut PyObject,
    types: &'a mut Types,
    memory: &Memory,
) -> Option<&'a Kind> {
    if !op.cast::<u64>().is_aligned() || !memory.is_readable(op as usize, size_of::<PyObject>()) {
        return None;
    }
    // SAFETY: the memory says that the head can be read.
    unsafe { object_in(op, types, memory) }
}

/// As [`object_at`].
///
/// # Safety
/// A head can be read at `op`.
pub(in crate::audit) unsafe fn object_in<'a>(
    op: *mut PyObject,
    types: &'a mut Types,
    memory: &Memory,
) -> Option<&'a Kind> {
    // SAFETY: the head can be read; any values may be there.
    unsafe {
        let kind = types.kind_at(*((op as usize + TYPE_WORD) as *const usize), memory)?;
        Current::is_plausible(PyObject::count(op)).then_some(kind)
    }
}

/// Whether the words in front of a container may be links of the collector. Text, for example, is not.
///
/// # Safety
/// The words in front of `op` can be read.
unsafe fn may_be_linked(op: *mut PyObject) -> bool {
    /// The bits that no link has: the upper bits of a user-space address, and one bit that alignment keeps clear.
    const NEVER: usize = !0 << 47 | 4;
    // SAFETY: the words in front of `op` can be read.
    let head = unsafe { &*gc::head(op) };
    (head._gc_next | head._gc_prev) & NEVER == 0
}
