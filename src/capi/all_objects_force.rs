//! Entering an object into the list of all objects, up to 3.12 (`Py_TRACE_REFS`).

use std::ffi::c_int;

use crate::abi::PyObject;
use crate::host;
use crate::lifecycle::all_objects::{self, Entry};
use crate::lifecycle::misuse;

/// Enters `op` into the list of all objects; unless `force` is set, only where it is in none
/// (`Py_TRACE_REFS`, up to 3.12).
///
/// # Safety
/// `op` is an object that stays where it is until it is forgotten; with `force` it is in no list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_AddToAllObjects(op: *mut PyObject, force: c_int) {
    let entry = if force == 0 {
        Entry::IfAbsent
    } else {
        Entry::Force
    };
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if let Some(theirs) = host::originals()._Py_AddToAllObjects {
            return theirs(op, force);
        }
        misuse::check(op, "_Py_AddToAllObjects");
        all_objects::add(op, entry);
    }
}
