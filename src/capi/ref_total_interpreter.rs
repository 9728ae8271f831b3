//! The total, from 3.12 on (`Py_REF_DEBUG`).

use std::ffi::c_void;

use crate::abi::Py_ssize_t;
use crate::host;
use crate::watch::ref_total;

/// Adds one to the total of all references (`Py_REF_DEBUG`, 3.12 and later). Without a host, from any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn _Py_INCREF_IncRefTotal() {
    ref_total::add(1);
}

/// Takes one from the total of all references (`Py_REF_DEBUG`, 3.12 and later). Without a host, from any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn _Py_DECREF_DecRefTotal() {
    ref_total::add(-1);
}

/// The number of all references of all interpreters (`Py_REF_DEBUG`, 3.12 and later).
#[unsafe(no_mangle)]
pub extern "C" fn _Py_GetGlobalRefTotal() -> Py_ssize_t {
    match host::originals()._Py_GetGlobalRefTotal {
        // SAFETY: the host's own function; the caller holds what it asks for.
        Some(theirs) => unsafe { theirs() },
        None => ref_total::global(),
    }
}

/// What `_Py_RefTotal` holds (`Py_REF_DEBUG`, 3.12 and later).
#[unsafe(no_mangle)]
pub extern "C" fn _Py_GetLegacyRefTotal() -> Py_ssize_t {
    ref_total::legacy()
}

/// The number of all references of one interpreter (`Py_REF_DEBUG`, 3.12 and later); without a host,
/// whatever is passed, all but those of `_Py_RefTotal`.
///
/// # Safety
/// In a host, `interpreter` is one of its interpreter states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyInterpreterState_GetRefTotal(interpreter: *mut c_void) -> Py_ssize_t {
    match host::originals()._PyInterpreterState_GetRefTotal {
        // SAFETY: the host's own function and the caller's promise.
        Some(theirs) => unsafe { theirs(interpreter) },
        None => ref_total::global() - ref_total::legacy(),
    }
}
