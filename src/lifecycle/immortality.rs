//! Immortal objects.

use super::{gc, refcnt};
use crate::abi::{self, PyObject, TypeFlags};
use crate::watch::watchers;

/// Makes an object immortal, and stops tracking it: CPython's `_Py_SetImmortal`.
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

/// Makes an object immortal that is not tracked: CPython's `_Py_SetImmortalUntracked`.
///
/// # Safety
/// `op` is an object.
pub unsafe fn set_untracked(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        refcnt::immortalise(op);
        watchers::immortalised(op);
    }
}

/// Makes an object immortal if the caller's reference is the only one and the object is no string: CPython's
/// `PyUnstable_SetImmortal`. Otherwise it does nothing and returns false. A string might be shared by interning.
///
/// # Safety
/// `op` is an object.
#[must_use]
pub unsafe fn set_if_unique(op: *mut PyObject) -> bool {
    // SAFETY: the callees ask what the caller promises. An object's type can be read.
    unsafe {
        let flags = TypeFlags((*abi::type_of(op)).tp_flags);
        let may = refcnt::is_unique(op) && !flags.is_string();
        if may {
            set(op);
        }
        may
    }
}
