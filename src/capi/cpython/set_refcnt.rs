//! `Py_SET_REFCNT` as a function, from 3.13 on.

use crate::abi::{Py_ssize_t, PyObject};
use crate::lifecycle::{misuse, refcnt};

/// Sets the number of references of `op`; nothing happens if `op` is immortal. It changes no total, and a
/// count of zero does not end the object (3.13 and later).
///
/// # Safety
/// `op` is an object, and no other thread counts it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_SetRefcnt(op: *mut PyObject, refcnt: Py_ssize_t) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "_Py_SetRefcnt");
        refcnt::set_refcnt(op, refcnt);
    }
}
