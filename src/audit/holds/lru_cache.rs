//! Caches of `functools.lru_cache`. Both the linked list of entries and a dictionary hold each entry. The list's
//! reference is not visited.

use super::{Visitor, field};
use crate::abi::{self, PyObject};

/// The link to the next entry. The link to the previous entry lies in front of it. A cache begins like an entry, and
/// closes the circular list.
const NEXT: usize = 8;

pub(super) unsafe fn ask_cache(op: *mut PyObject, _is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has the size of a cache.
    unsafe {
        let next = field(op, NEXT);
        if next != op {
            visitor.read(next);
        }
    }
}

/// Reports the list's reference to the next entry.
pub(super) unsafe fn ask_entry(op: *mut PyObject, _is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has the size of an entry. `is_readable` is asked before the next entry's type is read.
    unsafe {
        let next = field(op, NEXT);
        if next.is_aligned()
            && visitor.is_readable(next as usize, size_of::<PyObject>())
            && abi::type_of(next) == abi::type_of(op)
        {
            visitor.read(next);
        }
    }
}
