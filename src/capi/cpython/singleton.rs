//! Tests for the interpreter's singletons, from 3.10 on.

use std::ffi::c_int;

use crate::abi::PyObject;
use crate::host;

/// 1 if `x` is the host's `None`, otherwise 0; without a host there is no `None` (3.10 and later).
///
/// # Safety
/// `x` may be any pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_IsNone(x: *mut PyObject) -> c_int {
    // SAFETY: the host's function takes any pointer.
    host::originals()
        .Py_IsNone
        .map_or(0, |theirs| unsafe { theirs(x) })
}

/// 1 if `x` is the host's `True`, otherwise 0; without a host there is no `True` (3.10 and later).
///
/// # Safety
/// `x` may be any pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_IsTrue(x: *mut PyObject) -> c_int {
    // SAFETY: the host's function takes any pointer.
    host::originals()
        .Py_IsTrue
        .map_or(0, |theirs| unsafe { theirs(x) })
}

/// 1 if `x` is the host's `False`, otherwise 0; without a host there is no `False` (3.10 and later).
///
/// # Safety
/// `x` may be any pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_IsFalse(x: *mut PyObject) -> c_int {
    // SAFETY: the host's function takes any pointer.
    host::originals()
        .Py_IsFalse
        .map_or(0, |theirs| unsafe { theirs(x) })
}
