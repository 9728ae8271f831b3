//! A birth function that is new in 3.12.

use crate::abi::PyObject;
use crate::lifecycle::birth::{self, Total};
use crate::lifecycle::misuse;

/// As `_Py_NewReference`, for an object that has moved: its reference was counted before, so the total of all
/// references does not grow (3.12 and later).
///
/// # Safety
/// As `_Py_NewReference`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_NewReferenceNoTotal(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check_birth(op, "_Py_NewReferenceNoTotal");
        birth::new_reference_only(op, Total::Unchanged);
    }
}
