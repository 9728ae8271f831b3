//! `_Py_AddToAllObjects` from 3.13 on (`Py_TRACE_REFS`).

use crate::abi::PyObject;
use crate::lifecycle::all_objects::{self, Entry};
use crate::lifecycle::misuse;

/// Enters `op` into the table of all objects, unless it is there already (`Py_TRACE_REFS`, 3.13 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_AddToAllObjects(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "_Py_AddToAllObjects");
        all_objects::add(op, Entry::IfAbsent);
    }
}
