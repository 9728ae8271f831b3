//! `Py_SET_REFCNT` as a function.

use crate::abi::{Py_ssize_t, PyObject};
use crate::lifecycle::{count, misuse};

/// Stores the number of references of `op`; nothing happens if it is immortal. Neither totals nor the
/// life of the object are touched, even at zero (3.13 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_SetRefcnt(op: *mut PyObject, refcnt: Py_ssize_t) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "_Py_SetRefcnt");
        count::set_refcnt(op, refcnt);
    }
}
