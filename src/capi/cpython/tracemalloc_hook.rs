//! tracemalloc's older functions, up to 3.12.

use std::ffi::{c_int, c_uint};

use crate::abi::PyObject;
use crate::host;
use crate::watch::tracemalloc;

/// Tells tracemalloc that `op` was born. The block of `op` gets the traceback of this call, and keeps its size. Returns
/// 0; -1 where the block is unknown or nothing is traced (up to 3.12).
///
/// # Safety
/// `op` is an object. Its count need not be set yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTraceMalloc_NewReference(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    unsafe { tracemalloc::new_reference(op) }
}

/// A new reference to the host's tuple of the frames in which a block was allocated, or to `None`. Without a host there
/// are no tuples, and the result is NULL; `pyrefcore_block_stack` gives the C frames (up to 3.12).
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTraceMalloc_GetTraceback(domain: c_uint, ptr: usize) -> *mut PyObject {
    match host::originals()._PyTraceMalloc_GetTraceback {
        // SAFETY: the host's function takes any numbers. The host's lock is held, as the caller promises.
        Some(theirs) => unsafe { theirs(domain, ptr) },
        None => std::ptr::null_mut(),
    }
}
