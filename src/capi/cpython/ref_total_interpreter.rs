//! Functions about the total of all references, from 3.12 on (`Py_REF_DEBUG`).

use std::ffi::c_void;

use crate::abi::Py_ssize_t;
use crate::host;
use crate::watch::ref_total;

/// Adds one to the total of all references (`Py_REF_DEBUG`, 3.12 and later). Without a host, from any
/// thread.
///
/// # Safety
/// In a host, its lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_INCREF_IncRefTotal() {
    // SAFETY: the caller's promise is the callee's.
    unsafe { ref_total::add(1) };
}

/// Subtracts one from the total of all references (`Py_REF_DEBUG`, 3.12 and later). Without a host, from any
/// thread.
///
/// # Safety
/// In a host, its lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_DECREF_DecRefTotal() {
    // SAFETY: the caller's promise is the callee's.
    unsafe { ref_total::add(-1) };
}

/// The number of all references of all interpreters (`Py_REF_DEBUG`, 3.12 and later).
///
/// # Safety
/// In a host, its lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_GetGlobalRefTotal() -> Py_ssize_t {
    match host::originals()._Py_GetGlobalRefTotal {
        // SAFETY: the host's function needs the host's lock, which is held, as the caller promises.
        Some(theirs) => unsafe { theirs() },
        None => ref_total::global(),
    }
}

/// The value of `_Py_RefTotal` (`Py_REF_DEBUG`, 3.12 and later).
#[unsafe(no_mangle)]
pub extern "C" fn _Py_GetLegacyRefTotal() -> Py_ssize_t {
    ref_total::legacy()
}

/// The number of all references of one interpreter (`Py_REF_DEBUG`, 3.12 and later). Without a host the argument is
/// ignored, and the result is the total without `_Py_RefTotal`.
///
/// # Safety
/// In a host, `interpreter` is one of its interpreter states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyInterpreterState_GetRefTotal(interpreter: *mut c_void) -> Py_ssize_t {
    match host::originals()._PyInterpreterState_GetRefTotal {
        // SAFETY: the host's function needs one of its interpreter states, which the caller promises.
        Some(theirs) => unsafe { theirs(interpreter) },
        None => ref_total::global() - ref_total::legacy(),
    }
}
