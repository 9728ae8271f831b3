//! What the inline counting of free-threaded flavours calls.

use std::ffi::{c_char, c_int};

use crate::abi::PyObject;
use crate::host::{self, Host, ThisHost};
use crate::lifecycle::{brc, misuse};

/// Takes a reference to `op` away for a thread that does not own `op`. Where the owner has to know of it, `op`
/// waits for its owner (free-threaded 3.13 and later). From any thread.
///
/// # Safety
/// `op` is an object of which the caller has a reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_DecRefShared(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "_Py_DecRefShared");
        brc::release_shared(op, c"_Py_DecRefShared".as_ptr(), 0);
    }
}

/// The same, for `Py_REF_DEBUG`: a negative count is said to be at `filename` and `lineno`. From any thread.
///
/// # Safety
/// `op` is an object of which the caller has a reference; `filename` is a C string or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_DecRefSharedDebug(
    op: *mut PyObject,
    filename: *const c_char,
    lineno: c_int,
) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "_Py_DecRefSharedDebug");
        brc::release_shared(op, filename, lineno);
    }
}

/// Does what is left to do for an owner whose own references to `op` are all given back: ends `op`, or leaves it to
/// those who still have references (free-threaded 3.13 and later).
///
/// # Safety
/// `op` is an object of the calling thread, whose own count has reached zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_MergeZeroLocalRefcount(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "_Py_MergeZeroLocalRefcount");
        brc::merge_zero_local(op);
    }
}

/// A number that tells the calling thread from all others, where the processor has no register for it
/// (free-threaded 3.13 and later). From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn _Py_GetThreadLocal_Addr() -> usize {
    match host::originals()._Py_GetThreadLocal_Addr {
        // SAFETY: the host's own function takes nothing.
        Some(theirs) => unsafe { theirs() },
        None => ThisHost::thread_id(),
    }
}
