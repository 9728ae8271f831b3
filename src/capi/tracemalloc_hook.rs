//! What a birth tells tracemalloc, up to 3.12.

use std::ffi::c_int;

use crate::abi::PyObject;
use crate::watch::tracemalloc;

/// Tells tracemalloc that `op` was born in a block it may know: the block gets this traceback and keeps
/// its size. 0; -1 where the block is unknown or nothing is traced (up to 3.12).
///
/// # Safety
/// `op` is an object whose type has been set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTraceMalloc_NewReference(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    unsafe { tracemalloc::new_reference(op) }
}
