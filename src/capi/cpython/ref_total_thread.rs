//! Changing the total of a thread, from 3.14 on (`Py_REF_DEBUG`).

use std::ffi::c_void;

use crate::host;
use crate::watch::ref_total;

/// Adds one to the total of a thread state or, without a host, of the calling thread (`Py_REF_DEBUG`, 3.14 and later).
///
/// # Safety
/// In a host, `tstate` is a thread state.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_IncRefTotal(tstate: *mut c_void) {
    match host::originals()._Py_IncRefTotal {
        // SAFETY: the host's function needs one of its thread states, which the caller promises.
        Some(theirs) => unsafe { theirs(tstate) },
        // SAFETY: in a host, the caller holds its lock.
        None => unsafe { ref_total::add(1) },
    }
}

/// Subtracts one from the total of a thread state or, without a host, of the calling thread (`Py_REF_DEBUG`, 3.14 and
/// later).
///
/// # Safety
/// In a host, `tstate` is a thread state.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_DecRefTotal(tstate: *mut c_void) {
    match host::originals()._Py_DecRefTotal {
        // SAFETY: the host's function needs one of its thread states, which the caller promises.
        Some(theirs) => unsafe { theirs(tstate) },
        // SAFETY: in a host, the caller holds its lock.
        None => unsafe { ref_total::add(-1) },
    }
}
