//! First references.

use crate::abi::{Py_ssize_t, PyObject, PyTypeObject, PyVarObject};
use crate::lifecycle::birth::{self, Total};
use crate::lifecycle::misuse;

/// Gives a new object its first reference, tells tracemalloc and the watchers, and enters it into the
/// list of all objects, if there is one. The type must have been set. CPython has this as a function
/// from 3.9 on.
///
/// # Safety
/// `op` is memory of an object whose type has been set, and in no list of objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_NewReference(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check_birth(op, "_Py_NewReference");
        birth::new_reference_only(op, Total::Counted);
    }
}

/// Makes an object of memory: sets its type, adds a reference to the type (up to 3.12 only to one made at
/// run time), and gives the object its first reference. Returns `op`; NULL if `op` is NULL.
///
/// # Safety
/// `op` is NULL or memory of at least the type's basic size; `ob_type` is a type.
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

/// The same for an object with `size` items, which is stored as its `ob_size`.
///
/// # Safety
/// `op` is NULL or memory of at least the type's basic size and `size` items; `ob_type` is a type.
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
