//! References come and go.

use std::ffi::{CStr, c_int};

use super::{brc, death};
use crate::abi::{FLAVOUR, Head, PyObject};
use crate::host;
use crate::refcount::{Current, Policy, Released, Tried};
use crate::watch::{failure, ref_total};

/// Adds a reference: CPython's `Py_INCREF`.
///
/// # Safety
/// `op` is an object.
#[inline]
pub unsafe fn acquire(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    let counts = unsafe { Current::acquire(PyObject::count(op)) };
    if FLAVOUR.ref_debug && counts {
        ref_total::add(1);
    }
}

/// Takes a reference away and ends the object with the last: CPython's `Py_DECREF`.
///
/// # Safety
/// `op` is an object of which the caller owns a reference. A debug flavour takes anything, and says so.
#[allow(
    clippy::inline_always,
    reason = "the exported releases are nothing else"
)]
#[inline(always)]
pub unsafe fn release(op: *mut PyObject, call: &'static CStr) {
    // SAFETY: the caller's promise is the callee's.
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
        // SAFETY: any object may be described.
        Released::Negative => unsafe { negative(op, call, 0) },
        Released::Alive | Released::Dead | Released::Foreign | Released::Owners => {}
    }
    if FLAVOUR.ref_debug {
        ref_total::add(-1);
    }
    // SAFETY: that was the last reference, or it is another thread's to release.
    unsafe {
        match outcome {
            Released::Dead => death::dealloc(op),
            Released::Foreign => brc::release_shared(op, call.as_ptr(), 0),
            _ => {}
        }
    }
}

/// Adds a reference to an object of which the caller owns none; false where it is dying: CPython's
/// `PyUnstable_TryIncRef`.
///
/// # Safety
/// `op` is memory of an object that may be dying.
#[must_use]
pub unsafe fn try_acquire(op: *mut PyObject) -> bool {
    // SAFETY: the caller's promise is the callee's.
    let tried = unsafe { Current::try_acquire(PyObject::count(op)) };
    if FLAVOUR.ref_debug && tried == Tried::Acquired {
        ref_total::add(1);
    }
    tried != Tried::Dying
}

/// Allows [`try_acquire`]: CPython's `PyUnstable_EnableTryIncRef`.
///
/// # Safety
/// `op` is an object.
pub unsafe fn enable_try(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { Current::enable_try(PyObject::count(op)) }
}

/// Whether the caller has the only reference: CPython's `PyUnstable_Object_IsUniquelyReferenced`.
///
/// # Safety
/// `op` is an object.
#[must_use]
pub unsafe fn is_unique(op: *mut PyObject) -> bool {
    // SAFETY: the caller's promise is the callee's.
    unsafe { Current::is_unique(PyObject::count(op)) }
}

/// Ends the process because an object had no reference to release: `_Py_NegativeRefcount`.
///
/// # Safety
/// `op` may be anything; `file` names the place that released it.
#[cold]
pub unsafe fn negative(op: *mut PyObject, file: &CStr, line: c_int) -> ! {
    // SAFETY: the caller's promise is the callee's.
    unsafe {
        failure::assert_failed(
            op,
            c"object has negative ref count",
            file,
            line,
            c"_Py_NegativeRefcount",
        )
    }
}

/// The number of references: CPython's `Py_REFCNT`.
///
/// # Safety
/// `op` is an object.
#[must_use]
pub unsafe fn refcnt(op: *mut PyObject) -> isize {
    // SAFETY: the caller's promise is the callee's.
    unsafe { Current::get(PyObject::count(op)) }
}

/// Stores a number of references, which an immortal object ignores: CPython's `Py_SET_REFCNT`.
///
/// # Safety
/// `op` is an object.
pub unsafe fn set_refcnt(op: *mut PyObject, refcnt: isize) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { Current::set(PyObject::count(op), refcnt) }
}

/// Whether an object never dies.
///
/// # Safety
/// `op` is an object.
#[must_use]
pub unsafe fn is_immortal(op: *mut PyObject) -> bool {
    // SAFETY: the caller's promise is the callee's.
    unsafe { Current::is_immortal(PyObject::count(op)) }
}

/// Makes an object immortal where the version has immortal objects; totals stay as they are.
///
/// # Safety
/// `op` is an object.
pub unsafe fn immortalise(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { Current::immortalise(PyObject::count(op)) }
}
