//! The trashcan's functions from 3.13 on. In a host the host's own functions do it.

use std::ffi::c_void;

use crate::abi::PyObject;
use crate::host::{self, FunctionSlot};
use crate::lifecycle::trashcan;

static DEPOSIT: FunctionSlot<unsafe extern "C" fn(*mut c_void, *mut PyObject)> =
    FunctionSlot::new(deposit);
static DESTROY: FunctionSlot<unsafe extern "C" fn(*mut c_void)> = FunctionSlot::new(destroy);

/// Makes the exported functions call the host's own functions from now on.
///
/// # Safety
/// No other thread calls this library meanwhile.
pub(crate) unsafe fn follow_host() {
    let host = host::originals();
    // SAFETY: no other thread calls this library, so none uses a slot meanwhile. From 3.13 on the host's functions take
    // a thread state, as these do.
    unsafe {
        DEPOSIT.follow(host._PyTrash_thread_deposit_object_3_13);
        DESTROY.follow(host._PyTrash_thread_destroy_chain_3_13);
    }
}

/// # Safety
/// As [`_PyTrash_thread_deposit_object`].
unsafe extern "C" fn deposit(_tstate: *mut c_void, op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { trashcan::deposit_by_version(op) }
}

/// # Safety
/// As [`_PyTrash_thread_destroy_chain`].
unsafe extern "C" fn destroy(_tstate: *mut c_void) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { trashcan::destroy_by_version() }
}

/// Puts a dying container aside (3.13 and later). Without a host it is put aside for the calling thread, and `tstate`
/// may be NULL.
///
/// # Safety
/// `op` is a dying object whose type has `Py_TPFLAGS_HAVE_GC`. In 3.13 it is not tracked any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_thread_deposit_object(tstate: *mut c_void, op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { DEPOSIT.get()(tstate, op) }
}

/// Ends the objects that were put aside (3.13 and later). Without a host `tstate` may be NULL.
///
/// # Safety
/// Every object put aside is still dying.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_thread_destroy_chain(tstate: *mut c_void) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { DESTROY.get()(tstate) }
}
