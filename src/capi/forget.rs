//! Taking an object out of the list of all objects.

use crate::abi::PyObject;
use crate::host::{self, Chosen};
use crate::lifecycle::{all_objects, misuse};

static FORGET: Chosen<unsafe extern "C" fn(*mut PyObject)> = Chosen::new(forget);

/// From now on the host's own function is behind the name.
///
/// # Safety
/// Callers take turns.
pub unsafe fn follow_host() {
    // SAFETY: the caller's promise is the callee's.
    unsafe { FORGET.follow(host::originals()._Py_ForgetReference) }
}

unsafe extern "C" fn forget(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "_Py_ForgetReference");
        all_objects::forget(op);
    }
}

/// Takes `op` out of the list of all objects, and aborts where the list does not hold it
/// (`Py_TRACE_REFS`; from 3.14 on everywhere, where it does nothing without that).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_ForgetReference(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { FORGET.get()(op) }
}
