//! What an inline `Py_DECREF` calls that finds no reference to release (`Py_REF_DEBUG`).

use std::ffi::{CStr, c_char, c_int};

use crate::abi::PyObject;
use crate::lifecycle::count;

/// Says on standard error that `op` has a negative count, with the file and line of the call and all
/// that is known of the object, and aborts (`Py_REF_DEBUG`).
///
/// # Safety
/// `filename` is NULL or a C string; `op` may be anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_NegativeRefcount(
    filename: *const c_char,
    lineno: c_int,
    op: *mut PyObject,
) {
    let file = match filename.is_null() {
        true => c"",
        // SAFETY: the caller's promise.
        false => unsafe { CStr::from_ptr(filename) },
    };
    // SAFETY: the callee takes any object.
    unsafe { count::negative(op, file, lineno) }
}
