//! The flags of a type, which births of 3.8 and 3.9 read.

use std::ffi::c_ulong;

use crate::abi::PyTypeObject;

/// The `tp_flags` of a type. `PyObject_INIT` calls it in code that was compiled with `Python.h` (3.8 and 3.9).
/// CPython still has it in later versions, but no birth calls it there.
///
/// # Safety
/// `ob_type` is a type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GetFlags(ob_type: *mut PyTypeObject) -> c_ulong {
    // SAFETY: a type can be read.
    unsafe { (*ob_type).tp_flags }
}
