//! Functions about immortal and uniquely referenced objects, from 3.14 on.

use std::ffi::c_int;

use crate::abi::{FLAVOUR, PyObject};
use crate::host;
use crate::lifecycle::{count, gc, immortality, misuse, refcnt};

/// 1 if `op` is immortal, otherwise 0 (3.14 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_IsImmortal(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "PyUnstable_IsImmortal");
        c_int::from(refcnt::is_immortal(op))
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
        c_int::from(refcnt::is_unique(op))
    }
}

/// 1 if `op` is known to be a temporary object whose only reference is on the evaluation stack of the running Python
/// function, otherwise 0. Without a host there is no such stack, and the result is always 0 (3.14 and later).
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

/// Makes `op` immortal, and stops tracking it if it is a container (3.14 and later). Totals do not change.
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

/// Makes `op` immortal (3.14 and later). `op` must not be a tracked container. Totals do not change.
///
/// # Safety
/// `op` is an object that is not tracked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_SetImmortalUntracked(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "_Py_SetImmortalUntracked");
        immortality::set_untracked(op);
    }
}

/// Adds a reference to `op` and returns 1. Returns 0 where `op` is dying (3.14 and later). In a free-threaded flavour
/// `PyUnstable_EnableTryIncRef` must be called for `op` before; then any thread may call this.
///
/// # Safety
/// `op` is an object or a dying object. Its memory is not freed during the call, although another thread may end
/// it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_TryIncRef(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "PyUnstable_TryIncRef");
        c_int::from(count::try_acquire(op))
    }
}

/// Allows `PyUnstable_TryIncRef` for `op` (3.14 and later). Outside free-threaded flavours it does nothing.
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

/// Defers the counting of `op`, a tracked container, and returns 1. References from stacks need not be counted any
/// more, and only a garbage collector ends `op`. Without an interpreter there is none, and `op` is never ended. Returns
/// 0 where nothing has changed, as always outside free-threaded flavours (3.14 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Object_EnableDeferredRefcount(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals().PyUnstable_Object_EnableDeferredRefcount {
            // Under a global lock both functions do nothing.
            Some(theirs) if FLAVOUR.free_threaded => theirs(op),
            _ => {
                misuse::check(op, "PyUnstable_Object_EnableDeferredRefcount");
                c_int::from(gc::enable_deferred(op))
            }
        }
    }
}
