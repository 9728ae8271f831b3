//! Resurrections: a finalizer has kept a dying object alive.

use crate::abi::PyObject;
use crate::lifecycle::{birth, misuse};

/// Enters an object that its finalizer has resurrected into the list of all objects again (3.13 and later).
/// Changes no count and no total.
///
/// # Safety
/// `op` is an object that is in no list of all objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_ResurrectReference(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "_Py_ResurrectReference");
        birth::resurrect_reference(op);
    }
}
