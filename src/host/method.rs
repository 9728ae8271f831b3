//! The definition of a function that a host can call.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::null;

use crate::abi::PyObject;

type Function = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;

/// CPython's `PyMethodDef`.
#[derive(Debug)]
#[repr(C)]
pub struct Method {
    name: *const c_char,
    function: Function,
    flags: c_int,
    doc: *const c_char,
}

// SAFETY: it is never written, and points to constants.
unsafe impl Sync for Method {}

/// CPython's `METH_NOARGS`.
const NO_ARGUMENTS: c_int = 4;

impl Method {
    /// A function without arguments.
    pub const fn new(name: &'static CStr, function: Function) -> Self {
        Self {
            name: name.as_ptr(),
            function,
            flags: NO_ARGUMENTS,
            doc: null(),
        }
    }
}
