//! Births: functions that give an object its first reference.

use crate::abi::{Py_ssize_t, PyObject, PyTypeObject, PyVarObject};
use crate::lifecycle::birth::{self, Total};
use crate::lifecycle::misuse;

/// Gives a new object its first reference, tells tracemalloc and the watchers, and enters it into the
/// list of all objects, if there is one. Its type must be set before. CPython has this as a function
/// from 3.9 on.
///
/// # Safety
/// `op` is an object, except that its count need not be set. It is in no list of all objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_NewReference(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check_birth(op, "_Py_NewReference");
        birth::new_reference_only(op, Total::Counted);
    }
}

/// Makes an object in given memory: sets its type, adds a reference to the type (up to 3.12 only to a heap
/// type), and gives the object its first reference. Returns `op`; NULL if `op` is NULL.
///
/// # Safety
/// `op` is NULL, or aligned, writable memory of at least the type's basic size that is in no list of all objects. The
/// block also holds the bytes in front of `op` that the type asks for. `ob_type` is a type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Init(
    op: *mut PyObject,
    ob_type: *mut PyTypeObject,
) -> *mut PyObject {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check_init(op, ob_type, "PyObject_Init");
        birth::init(op, ob_type)
    }
}

/// As `PyObject_Init`, for an object with `size` items: also stores `size` as its `ob_size`.
///
/// # Safety
/// As `PyObject_Init`, and the memory also has room for `size` items.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_InitVar(
    op: *mut PyVarObject,
    ob_type: *mut PyTypeObject,
    size: Py_ssize_t,
) -> *mut PyVarObject {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check_init(op.cast(), ob_type, "PyObject_InitVar");
        birth::init_var(op, ob_type, size)
    }
}
