//! Functions that allocate an object of a type. In a host the host's own functions do it.

use crate::abi::{Py_ssize_t, PyObject, PyTypeObject, PyVarObject};
use crate::capi::pyrefcore::memory::{pyrefcore_object_new, pyrefcore_object_new_var};
use crate::host;

/// Allocates an instance of a type that is no container and gives it its first reference; NULL where there is
/// no memory. `PyObject_New` calls it in code that was compiled with `Python.h`. Without a host it is
/// `pyrefcore_object_new`.
///
/// # Safety
/// `ob_type` is a type without `Py_TPFLAGS_HAVE_GC`, and without a managed dictionary or managed weak references.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyObject_New(ob_type: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals()._PyObject_New {
            Some(theirs) => theirs(ob_type),
            None => pyrefcore_object_new(ob_type),
        }
    }
}

/// As `_PyObject_New`, for an instance with `size` items. Without a host it is `pyrefcore_object_new_var`.
///
/// # Safety
/// `ob_type` is a type without `Py_TPFLAGS_HAVE_GC`, and without a managed dictionary or managed weak references.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyObject_NewVar(
    ob_type: *mut PyTypeObject,
    size: Py_ssize_t,
) -> *mut PyVarObject {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals()._PyObject_NewVar {
            Some(theirs) => theirs(ob_type, size),
            None => pyrefcore_object_new_var(ob_type, size),
        }
    }
}
