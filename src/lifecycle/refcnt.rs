//! Reads and writes a count, without any consequence.

use std::ffi::{CStr, c_int};

use crate::abi::{Head, PyObject};
use crate::refcount::{Current, Policy};
use crate::watch::failure;

/// Whether the caller has the only reference: CPython's `PyUnstable_Object_IsUniquelyReferenced`.
///
/// # Safety
/// `op` is an object.
#[must_use]
pub unsafe fn is_unique(op: *mut PyObject) -> bool {
    // SAFETY: the count of an object can be read and written.
    unsafe { Current::is_unique(PyObject::count(op)) }
}

/// Ends the process because an object had no reference to release: `_Py_NegativeRefcount`.
///
/// # Safety
/// `op` may be any pointer.
#[cold]
pub unsafe fn negative(op: *mut PyObject, file: &CStr, line: c_int) -> ! {
    // SAFETY: the callee takes any pointer.
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
    // SAFETY: the count of an object can be read and written.
    unsafe { Current::get(PyObject::count(op)) }
}

/// Sets the number of references, except of an immortal object: CPython's `Py_SET_REFCNT`.
///
/// # Safety
/// `op` is an object, and no other thread counts it meanwhile.
pub unsafe fn set_refcnt(op: *mut PyObject, refcnt: isize) {
    // SAFETY: the count of an object can be read and written.
    unsafe { Current::set(PyObject::count(op), refcnt) }
}

/// Whether an object is immortal.
///
/// # Safety
/// `op` is an object.
#[must_use]
pub unsafe fn is_immortal(op: *mut PyObject) -> bool {
    // SAFETY: the count of an object can be read and written.
    unsafe { Current::is_immortal(PyObject::count(op)) }
}

/// Makes an object immortal where the version has immortal objects. Totals do not change.
///
/// # Safety
/// `op` is an object.
pub unsafe fn immortalise(op: *mut PyObject) {
    // SAFETY: the count of an object can be read and written.
    unsafe { Current::immortalise(PyObject::count(op)) }
}
