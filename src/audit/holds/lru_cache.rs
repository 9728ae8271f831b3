//! Caches of results: the list of the entries holds each, and so does a dictionary, of which alone the traverse tells.

use super::{Held, field};
use crate::abi::{self, PyObject};

/// The entry in front stands before it. A cache begins as an entry does, and closes the circle.
const NEXT: usize = 8;

pub(super) unsafe fn ask_cache(op: *mut PyObject, _is_tracked: bool, held: &mut dyn Held) {
    // SAFETY: `op` is a cache.
    unsafe {
        let next = field(op, NEXT);
        if next != op {
            held.read(next);
        }
    }
}

/// Each entry stands for the reference to the next one.
pub(super) unsafe fn ask_entry(op: *mut PyObject, _is_tracked: bool, held: &mut dyn Held) {
    // SAFETY: `op` is an entry; whether it leads to another is asked before its type is read.
    unsafe {
        let next = field(op, NEXT);
        if next.is_aligned()
            && held.is_readable(next as usize, size_of::<PyObject>())
            && abi::type_of(next) == abi::type_of(op)
        {
            held.read(next);
        }
    }
}
