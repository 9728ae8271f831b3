//! The function that an inline `Py_DECREF` calls where there is no reference to release (`Py_REF_DEBUG`).

use std::ffi::{CStr, c_char, c_int};

use crate::abi::PyObject;
use crate::lifecycle::refcnt;

/// Reports on standard error that `op` has a negative count, and aborts. The report has the file and line of the call,
/// and all that can be found out about the object (`Py_REF_DEBUG`).
///
/// # Safety
/// `filename` is NULL or a C string. `op` may be any pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_NegativeRefcount(
    filename: *const c_char,
    lineno: c_int,
    op: *mut PyObject,
) {
    let file = match filename.is_null() {
        true => c"",
        // SAFETY: the caller promises a C string.
        false => unsafe { CStr::from_ptr(filename) },
    };
    // SAFETY: the callee takes any pointer.
    unsafe { refcnt::negative(op, file, lineno) }
}
