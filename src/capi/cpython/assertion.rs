//! The function that CPython's assertions about objects call.

use std::ffi::{CStr, c_char, c_int};

use crate::abi::PyObject;
use crate::watch::failure;

/// Reports on standard error that `expr` is false for `obj`, and aborts. The report has `msg`, the place, and all that
/// can be found out about the object. `_PyObject_ASSERT` calls it.
///
/// # Safety
/// `expr`, `msg`, `file` and `function` are NULL or C strings. `obj` may be any pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyObject_AssertFailed(
    obj: *mut PyObject,
    expr: *const c_char,
    msg: *const c_char,
    file: *const c_char,
    line: c_int,
    function: *const c_char,
) -> ! {
    // SAFETY: the caller promises NULL or a C string.
    let text = |text: *const c_char| (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
    // SAFETY: the callee takes any pointer.
    unsafe { failure::say_failed(obj, text(expr), text(msg), text(file), line, text(function)) }
}
