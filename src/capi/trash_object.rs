//! The trashcan's older functions, up to 3.10. In a host they are the host's.

use crate::abi::PyObject;
use crate::host;
use crate::lifecycle::trashcan;

/// Puts a dying container aside (up to 3.10).
///
/// # Safety
/// `op` is a dying container that is no longer tracked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_deposit_object(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals()._PyTrash_deposit_object {
            Some(theirs) => theirs(op),
            None => trashcan::deposit(op),
        }
    }
}

/// Ends what was put aside (up to 3.10).
///
/// # Safety
/// Every object put aside is still dying.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_destroy_chain() {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals()._PyTrash_destroy_chain {
            Some(theirs) => theirs(),
            None => trashcan::destroy_chain(),
        }
    }
}

/// Puts a dying container aside, for the calling thread (up to 3.10).
///
/// # Safety
/// `op` is a dying container that is no longer tracked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_thread_deposit_object(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'; up to 3.10 the host's takes an object.
    unsafe {
        match host::originals()._PyTrash_thread_deposit_object {
            Some(theirs) => theirs(op),
            None => trashcan::deposit(op),
        }
    }
}

/// Ends what the calling thread has put aside (up to 3.10).
///
/// # Safety
/// Every object put aside is still dying.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_thread_destroy_chain() {
    // SAFETY: the caller's promise is the callees'; up to 3.10 the host's takes nothing.
    unsafe {
        match host::originals()._PyTrash_thread_destroy_chain {
            Some(theirs) => theirs(),
            None => trashcan::destroy_chain(),
        }
    }
}
