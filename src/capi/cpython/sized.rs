//! Functions that read and write fields, from 3.15 on.

use std::ffi::c_int;

use crate::abi::{self, Py_ssize_t, PyObject, PyTypeObject, PyVarObject};
use crate::lifecycle::misuse;

/// The number of items of `op`, as a function (3.15 and later).
///
/// # Safety
/// `op` is an object with items.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_SIZE(op: *mut PyObject) -> Py_ssize_t {
    // SAFETY: an object with items starts with a `PyVarObject`.
    unsafe {
        misuse::check(op, "Py_SIZE");
        (*op.cast::<PyVarObject>()).ob_size
    }
}

/// 1 if the type of `op` is `ob_type` itself, otherwise 0, as a function (3.15 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_IS_TYPE(op: *mut PyObject, ob_type: *mut PyTypeObject) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "Py_IS_TYPE");
        c_int::from(abi::type_of(op) == ob_type)
    }
}

/// Stores the number of items of `op`, as a function (3.15 and later).
///
/// # Safety
/// `op` is an object with items.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_SET_SIZE(op: *mut PyVarObject, size: Py_ssize_t) {
    // SAFETY: an object with items starts with a `PyVarObject`.
    unsafe {
        misuse::check(op.cast(), "Py_SET_SIZE");
        (*op).ob_size = size;
    }
}
