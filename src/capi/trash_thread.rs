//! The trashcan's functions from 3.13 on. In a host they are the host's.

use std::ffi::c_void;

use crate::abi::PyObject;
use crate::host::{self, Chosen};
use crate::lifecycle::trashcan;

static DEPOSIT: Chosen<unsafe extern "C" fn(*mut c_void, *mut PyObject)> = Chosen::new(deposit);
static DESTROY: Chosen<unsafe extern "C" fn(*mut c_void)> = Chosen::new(destroy);

/// From now on the host's own functions are behind these names.
///
/// # Safety
/// Callers take turns.
pub unsafe fn follow_host() {
    let host = host::originals();
    // SAFETY: the caller's promise is the callees'; from 3.13 on the host's take a thread state.
    unsafe {
        DEPOSIT.follow(host._PyTrash_thread_deposit_object_3_13);
        DESTROY.follow(host._PyTrash_thread_destroy_chain_3_13);
    }
}

unsafe extern "C" fn deposit(_tstate: *mut c_void, op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { trashcan::deposit_by_version(op) }
}

unsafe extern "C" fn destroy(_tstate: *mut c_void) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { trashcan::destroy_by_version() }
}

/// Puts a dying container aside (3.13 and later). Without a host `tstate` may be NULL and the calling
/// thread keeps the object.
///
/// # Safety
/// `op` is a dying container; in 3.13 it is no longer tracked.
#[unsafe(no_mangle)]
#[cfg_attr(target_arch = "x86_64", unsafe(naked))]
pub unsafe extern "C" fn _PyTrash_thread_deposit_object(tstate: *mut c_void, op: *mut PyObject) {
    // One instruction, of which the compiler makes two where there are two arguments.
    #[cfg(target_arch = "x86_64")]
    std::arch::naked_asm!("jmp qword ptr [rip + {}]", sym DEPOSIT);
    // SAFETY: the caller's promise is the callee's.
    #[cfg(not(target_arch = "x86_64"))]
    unsafe {
        DEPOSIT.get()(tstate, op)
    }
}

/// Ends what was put aside (3.13 and later). Without a host `tstate` may be NULL.
///
/// # Safety
/// Every object put aside is still dying.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_thread_destroy_chain(tstate: *mut c_void) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { DESTROY.get()(tstate) }
}
