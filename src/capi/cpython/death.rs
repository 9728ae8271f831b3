//! The function that `Py_DECREF` calls when a count reaches zero.

use crate::abi::PyObject;
use crate::lifecycle::death;

/// Ends an object whose count has reached zero: takes it out of the list of all objects, tells the
/// tracer and the watchers, and calls its type's `tp_dealloc`. From 3.14 on, when the C stack is nearly
/// used up, a container is put aside instead, and is ended when there is room again.
///
/// # Safety
/// `op` is a complete dying object, and the caller does not use it afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_Dealloc(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { death::dealloc(op) }
}
