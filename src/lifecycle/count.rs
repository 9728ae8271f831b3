//! Adding and releasing references.

use std::ffi::CStr;

use super::{death, merge, refcnt};
use crate::abi::{FLAVOUR, Head, PyObject};
use crate::host;
use crate::refcount::{Current, Policy, Released, Tried};
use crate::watch::ref_total;

/// Adds a reference: CPython's `Py_INCREF`.
///
/// # Safety
/// `op` is an object.
#[inline]
pub unsafe fn acquire(op: *mut PyObject) {
    // SAFETY: the count of an object can be read and written. In a host, the caller holds the lock, as it uses an
    // object.
    unsafe {
        if Current::acquire(PyObject::count(op)) && FLAVOUR.ref_debug {
            ref_total::add(1);
        }
    }
}

/// Releases a reference, and ends the object if that was the last: CPython's `Py_DECREF`. A debug flavour reports a
/// negative count with the name `call`.
///
/// # Safety
/// `op` is an object of which the caller owns a reference. A debug flavour also takes an object whose count is not
/// above zero, and ends the process.
#[allow(
    clippy::inline_always,
    reason = "the exported releases are nothing else"
)]
#[inline(always)]
pub unsafe fn release(op: *mut PyObject, call: &'static CStr) {
    // SAFETY: the count of an object can be read and written.
    let outcome = unsafe {
        let count = PyObject::count(op);
        if FLAVOUR.ref_debug || (FLAVOUR.trace_refs && !host::has_interpreter()) {
            Current::release_checked(count)
        } else {
            Current::release(count)
        }
    };
    match outcome {
        Released::Immortal => return,
        // SAFETY: the callee takes any pointer.
        Released::Negative => unsafe { refcnt::negative(op, call, 0) },
        Released::Alive | Released::Dead | Released::Foreign | Released::Owners => {}
    }
    // SAFETY: for `Dead` that was the last reference. For `Foreign` nothing was done, and the caller still owns its
    // reference. In a host, the caller holds the lock, as it uses an object.
    unsafe {
        if FLAVOUR.ref_debug {
            ref_total::add(-1);
        }
        match outcome {
            Released::Dead => death::dealloc(op),
            Released::Foreign => merge::release_shared(op, call.as_ptr(), 0),
            _ => {}
        }
    }
}

/// Adds a reference to an object of which the caller owns none; false where the object is dying: CPython's
/// `PyUnstable_TryIncRef`.
///
/// # Safety
/// `op` is an object or a dying object. Its memory is not freed during the call, although another thread may end
/// it.
#[must_use]
pub unsafe fn try_acquire(op: *mut PyObject) -> bool {
    // SAFETY: the count can be read and written during the call. `try_acquire` allows other threads to count. In a
    // host, the caller holds the lock, as it uses an object.
    unsafe {
        let tried = Current::try_acquire(PyObject::count(op));
        if FLAVOUR.ref_debug && tried == Tried::Acquired {
            ref_total::add(1);
        }
        tried != Tried::Dying
    }
}

/// Allows [`try_acquire`]: CPython's `PyUnstable_EnableTryIncRef`.
///
/// # Safety
/// `op` is an object.
pub unsafe fn enable_try(op: *mut PyObject) {
    // SAFETY: the count of an object can be read and written.
    unsafe { Current::enable_try(PyObject::count(op)) }
}
