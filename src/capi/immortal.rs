//! Immortal objects and uniqueness, from 3.14 on.

use std::ffi::c_int;

use crate::abi::{FLAVOUR, PyObject};
use crate::host;
use crate::lifecycle::{count, gc, immortality, misuse};

/// 1 if `op` never dies, otherwise 0 (3.14 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_IsImmortal(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "PyUnstable_IsImmortal");
        c_int::from(count::is_immortal(op))
    }
}

/// 1 if the caller's reference is the only one to `op`, otherwise 0 (3.14 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Object_IsUniquelyReferenced(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "PyUnstable_Object_IsUniquelyReferenced");
        c_int::from(count::is_unique(op))
    }
}

/// 1 if the only reference to `op` is a temporary one, an argument of the Python function call that is under way,
/// otherwise 0; without a host, where no such call is, always 0 (3.14 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Object_IsUniqueReferencedTemporary(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals().PyUnstable_Object_IsUniqueReferencedTemporary {
            Some(theirs) => theirs(op),
            None => {
                misuse::check(op, "PyUnstable_Object_IsUniqueReferencedTemporary");
                0
            }
        }
    }
}

/// Makes `op` immortal; a tracked container is no longer tracked (3.14 and later). Totals stay as they
/// are.
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_SetImmortal(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals()._Py_SetImmortal {
            Some(theirs) => theirs(op),
            None => {
                misuse::check(op, "_Py_SetImmortal");
                immortality::set(op);
            }
        }
    }
}

/// Makes `op`, which is no tracked container, immortal (3.14 and later). Totals stay as they are.
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_SetImmortalUntracked(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "_Py_SetImmortalUntracked");
        immortality::set_untracked(op);
    }
}

/// Adds a reference to `op` and returns 1, unless `op` is dying: 0 (3.14 and later). In a free-threaded flavour
/// only for objects for which `PyUnstable_EnableTryIncRef` was called; from any thread.
///
/// # Safety
/// `op` is memory of an object that may be dying.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_TryIncRef(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "PyUnstable_TryIncRef");
        c_int::from(count::try_acquire(op))
    }
}

/// Allows `PyUnstable_TryIncRef` for `op` (3.14 and later). Nothing is needed while callers take turns.
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_EnableTryIncRef(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "PyUnstable_EnableTryIncRef");
        count::enable_try(op);
    }
}

/// Leaves `op`, a tracked container, to the garbage collector, and returns 1: references from stacks need not be
/// counted any more, and `op` lives until a collector ends it, without an interpreter for good. 0 where
/// nothing has changed, as always but in free-threaded flavours (3.14 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Object_EnableDeferredRefcount(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals().PyUnstable_Object_EnableDeferredRefcount {
            // Under a global lock the host's is as empty as ours.
            Some(theirs) if FLAVOUR.free_threaded => theirs(op),
            _ => {
                misuse::check(op, "PyUnstable_Object_EnableDeferredRefcount");
                c_int::from(gc::enable_deferred(op))
            }
        }
    }
}
