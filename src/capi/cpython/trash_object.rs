//! The trashcan's older functions, up to 3.10. In a host the host's own functions do it.

use crate::abi::PyObject;
use crate::host::{self, FunctionSlot};
use crate::lifecycle::trashcan;

static DEPOSIT: FunctionSlot<unsafe extern "C" fn(*mut PyObject)> = FunctionSlot::new(deposit);
static DESTROY: FunctionSlot<unsafe extern "C" fn()> = FunctionSlot::new(destroy);
static THREAD_DEPOSIT: FunctionSlot<unsafe extern "C" fn(*mut PyObject)> =
    FunctionSlot::new(deposit);
static THREAD_DESTROY: FunctionSlot<unsafe extern "C" fn()> = FunctionSlot::new(destroy);

/// Makes the exported functions call the host's own functions from now on.
///
/// # Safety
/// No other thread calls this library meanwhile.
pub(crate) unsafe fn follow_host() {
    let host = host::originals();
    // SAFETY: no other thread calls this library, so none uses a slot meanwhile.
    unsafe {
        DEPOSIT.follow(host._PyTrash_deposit_object);
        DESTROY.follow(host._PyTrash_destroy_chain);
        THREAD_DEPOSIT.follow(host._PyTrash_thread_deposit_object);
        THREAD_DESTROY.follow(host._PyTrash_thread_destroy_chain);
    }
}

/// # Safety
/// As [`_PyTrash_deposit_object`].
unsafe extern "C" fn deposit(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { trashcan::deposit(op) }
}

/// # Safety
/// As [`_PyTrash_destroy_chain`].
unsafe extern "C" fn destroy() {
    // SAFETY: the caller's promise is the callee's.
    unsafe { trashcan::destroy_chain() }
}

/// Puts a dying container aside (up to 3.10).
///
/// # Safety
/// `op` is a dying container that is not tracked any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_deposit_object(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { DEPOSIT.get()(op) }
}

/// Ends the objects that were put aside (up to 3.10).
///
/// # Safety
/// Every object put aside is still dying.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_destroy_chain() {
    // SAFETY: the caller's promise is the callee's.
    unsafe { DESTROY.get()() }
}

/// Puts a dying container aside, for the calling thread (up to 3.10).
///
/// # Safety
/// `op` is a dying container that is not tracked any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_thread_deposit_object(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { THREAD_DEPOSIT.get()(op) }
}

/// Ends the objects that the calling thread has put aside (up to 3.10).
///
/// # Safety
/// Every object put aside is still dying.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_thread_destroy_chain() {
    // SAFETY: the caller's promise is the callee's.
    unsafe { THREAD_DESTROY.get()() }
}
