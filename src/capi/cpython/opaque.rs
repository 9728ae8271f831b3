//! Functions that read fields, from 3.14 on.

use crate::abi::{self, Py_ssize_t, PyObject, PyTypeObject};
use crate::lifecycle::{misuse, refcnt};

/// The number of references of `op`, as a function (3.14 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_REFCNT(op: *mut PyObject) -> Py_ssize_t {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "Py_REFCNT");
        refcnt::refcnt(op)
    }
}

/// The type of `op`, as a function (3.14 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_TYPE(op: *mut PyObject) -> *mut PyTypeObject {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "Py_TYPE");
        abi::type_of(op)
    }
}
