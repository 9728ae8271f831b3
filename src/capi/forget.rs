//! Taking an object out of the list of all objects.

use crate::abi::PyObject;
use crate::host;
use crate::lifecycle::{all_objects, misuse};

/// Takes `op` out of the list of all objects, and aborts where the list does not hold it
/// (`Py_TRACE_REFS`; from 3.14 on everywhere, where it does nothing without that).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_ForgetReference(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals()._Py_ForgetReference {
            Some(theirs) => theirs(op),
            None => {
                misuse::check(op, "_Py_ForgetReference");
                all_objects::forget(op);
            }
        }
    }
}
