//! What CPython's assertions about objects call.

use std::ffi::{CStr, c_char, c_int};

use crate::abi::PyObject;
use crate::watch::failure;

/// Says on standard error that `expr` is not so of `obj`, with `msg`, the place and all that is known of the
/// object, and aborts. CPython's `_PyObject_ASSERT` calls it.
///
/// # Safety
/// `expr`, `msg`, `file` and `function` are NULL or C strings; `obj` may be anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyObject_AssertFailed(
    obj: *mut PyObject,
    expr: *const c_char,
    msg: *const c_char,
    file: *const c_char,
    line: c_int,
    function: *const c_char,
) -> ! {
    // SAFETY: the caller's promise.
    let text = |text: *const c_char| (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
    // SAFETY: the callee takes any object.
    unsafe { failure::say_failed(obj, text(expr), text(msg), text(file), line, text(function)) }
}
