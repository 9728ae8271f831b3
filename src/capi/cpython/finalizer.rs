//! Finalizers and resurrection.

use std::ffi::c_int;

use crate::abi::PyObject;
use crate::host::{self, FunctionSlot};
use crate::lifecycle::{finalizer, misuse};

static FROM_DEALLOC: FunctionSlot<unsafe extern "C" fn(*mut PyObject) -> c_int> =
    FunctionSlot::new(from_dealloc);

/// Makes `PyObject_CallFinalizerFromDealloc` call the host's own function from now on.
///
/// # Safety
/// No other thread calls this library meanwhile.
pub(crate) unsafe fn follow_host() {
    if host::originals()
        .PyObject_CallFinalizerFromDealloc
        .is_some()
    {
        // SAFETY: no other thread calls this library, so none uses the slot meanwhile.
        unsafe { FROM_DEALLOC.set(finalizer::call_in_host) }
    }
}

/// # Safety
/// As [`PyObject_CallFinalizerFromDealloc`].
unsafe extern "C" fn from_dealloc(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "PyObject_CallFinalizerFromDealloc");
        finalizer::call_from_dealloc(op) as c_int
    }
}

/// Runs the `tp_finalize` of `op`'s type, if it has one. For a container it runs only once.
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_CallFinalizer(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals().PyObject_CallFinalizer {
            Some(theirs) => theirs(op),
            None => {
                misuse::check(op, "PyObject_CallFinalizer");
                finalizer::call(op)
            }
        }
    }
}

/// As `PyObject_CallFinalizer`, for a `tp_dealloc`. Returns 0 if the `tp_dealloc` must go on. Returns -1 if the
/// finalizer has resurrected the object; then the caller must not use it any more. The count must be zero.
///
/// # Safety
/// `op` is a dying object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_CallFinalizerFromDealloc(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    unsafe { FROM_DEALLOC.get()(op) }
}
