//! Objects that never die.

use super::{count, gc};
use crate::abi::{self, PyObject, TypeFlags};
use crate::watch::watchers;

/// Makes an object immortal; a tracked container is no longer tracked: CPython's `_Py_SetImmortal`.
///
/// # Safety
/// `op` is an object.
pub unsafe fn set(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        gc::untrack_if_gc(op);
        set_untracked(op);
    }
}

/// Makes an object that is no tracked container immortal: CPython's `_Py_SetImmortalUntracked`.
///
/// # Safety
/// `op` is an object.
pub unsafe fn set_untracked(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        count::immortalise(op);
        watchers::immortalised(op);
    }
}

/// Makes an object immortal where the caller has the only reference and it is no string, which interning might
/// share; false where it is not so: CPython's `PyUnstable_SetImmortal`.
///
/// # Safety
/// `op` is an object.
#[must_use]
pub unsafe fn set_if_unique(op: *mut PyObject) -> bool {
    // SAFETY: the caller's promise is the callees'; an object's type can be read.
    unsafe {
        let flags = TypeFlags((*abi::type_of(op)).tp_flags);
        let may = count::is_unique(op) && !flags.is_string();
        if may {
            set(op);
        }
        may
    }
}
