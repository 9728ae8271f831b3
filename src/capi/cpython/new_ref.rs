//! Functions that are new in 3.10.

use std::ffi::c_int;

use crate::abi::PyObject;
use crate::lifecycle::{count, misuse};

/// Adds a reference to `op`, which must not be NULL (3.10 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_IncRef(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "_Py_IncRef");
        count::acquire(op);
    }
}

/// Releases a reference to `op`, which must not be NULL, and ends `op` if that was the last (3.10 and later).
///
/// # Safety
/// `op` is an object of which the caller owns a reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_DecRef(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "_Py_DecRef");
        count::release(op, c"_Py_DecRef");
    }
}

/// Adds a reference to `op`, which must not be NULL, and returns `op` (3.10 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_NewRef(op: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "Py_NewRef");
        count::acquire(op);
    }
    op
}

/// Adds a reference to `op` and returns `op`. Nothing happens with NULL (3.10 and later).
///
/// # Safety
/// `op` is NULL or an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_XNewRef(op: *mut PyObject) -> *mut PyObject {
    if !op.is_null() {
        // SAFETY: the caller's promise is the callees'.
        unsafe {
            misuse::check(op, "Py_XNewRef");
            count::acquire(op);
        }
    }
    op
}

/// 1 if `x` and `y` are the same object, otherwise 0 (3.10 and later).
#[unsafe(no_mangle)]
pub extern "C" fn Py_Is(x: *mut PyObject, y: *mut PyObject) -> c_int {
    c_int::from(x == y)
}
