//! `Py_IncRef` and `Py_DecRef`.

use crate::abi::PyObject;
use crate::lifecycle::{count, misuse};

/// Adds a reference to `op`. Nothing happens with NULL.
///
/// # Safety
/// `op` is NULL or an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_IncRef(op: *mut PyObject) {
    if !op.is_null() {
        // SAFETY: the caller's promise is the callees'.
        unsafe {
            misuse::check(op, "Py_IncRef");
            count::acquire(op);
        }
    }
}

/// Releases a reference to `op`, and ends `op` if that was the last. Nothing happens with NULL.
///
/// # Safety
/// `op` is NULL or an object of which the caller owns a reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_DecRef(op: *mut PyObject) {
    if !op.is_null() {
        // SAFETY: the caller's promise is the callees'.
        unsafe {
            misuse::check(op, "Py_DecRef");
            count::release(op, c"Py_DecRef");
        }
    }
}
