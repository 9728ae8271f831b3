//! `_Py_ForgetReference`.

use crate::abi::PyObject;
use crate::host::{self, FunctionSlot};
use crate::lifecycle::{all_objects, misuse};

static FORGET: FunctionSlot<unsafe extern "C" fn(*mut PyObject)> = FunctionSlot::new(forget);

/// Makes `_Py_ForgetReference` call the host's own function from now on.
///
/// # Safety
/// No other thread calls this library meanwhile.
pub(crate) unsafe fn follow_host() {
    // SAFETY: no other thread calls this library, so none uses the slot meanwhile.
    unsafe { FORGET.follow(host::originals()._Py_ForgetReference) }
}

/// # Safety
/// As [`_Py_ForgetReference`].
unsafe extern "C" fn forget(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "_Py_ForgetReference");
        all_objects::forget(op);
    }
}

/// Takes `op` out of the list of all objects, and aborts where it is not in that list (`Py_TRACE_REFS`). From
/// 3.14 on all flavours have this function, and without `Py_TRACE_REFS` it does nothing.
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_ForgetReference(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { FORGET.get()(op) }
}
