//! The trashcan's functions from 3.13 on. In a host they are the host's.

use std::ffi::c_void;

use crate::abi::PyObject;
use crate::host;
use crate::lifecycle::trashcan;

/// Puts a dying container aside (3.13 and later). Without a host `tstate` may be NULL and the calling
/// thread keeps the object.
///
/// # Safety
/// `op` is a dying container; in 3.13 it is no longer tracked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_thread_deposit_object(tstate: *mut c_void, op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'; from 3.13 on the host's takes a thread state.
    unsafe {
        match host::originals()._PyTrash_thread_deposit_object_3_13 {
            Some(theirs) => theirs(tstate, op),
            None => trashcan::deposit_by_version(op),
        }
    }
}

/// Ends what was put aside (3.13 and later). Without a host `tstate` may be NULL.
///
/// # Safety
/// Every object put aside is still dying.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_thread_destroy_chain(tstate: *mut c_void) {
    // SAFETY: the caller's promise is the callees'; from 3.13 on the host's takes a thread state.
    unsafe {
        match host::originals()._PyTrash_thread_destroy_chain_3_13 {
            Some(theirs) => theirs(tstate),
            None => trashcan::destroy_by_version(),
        }
    }
}
