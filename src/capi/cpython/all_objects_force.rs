//! `_Py_AddToAllObjects` up to 3.12 (`Py_TRACE_REFS`).

use std::ffi::c_int;

use crate::abi::PyObject;
use crate::host;
use crate::lifecycle::all_objects::{self, Entry};
use crate::lifecycle::misuse;

/// Enters `op` into the list of all objects (`Py_TRACE_REFS`, up to 3.12). Where `force` is 0, it does nothing if `op`
/// is in the list already.
///
/// # Safety
/// `op` is an object. Where `force` is not 0, it is not in the list.
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
