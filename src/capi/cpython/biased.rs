//! The functions that the inline counting of free-threaded flavours calls.

use std::ffi::{c_char, c_int};

use crate::abi::PyObject;
use crate::host::{self, Host, ThisHost};
use crate::lifecycle::{merge, misuse};

/// Releases a reference to `op` on a thread that does not own `op`. If the owner counted that reference, `op` waits
/// until its owner merges the counts (free-threaded 3.13 and later). From any thread.
///
/// # Safety
/// `op` is an object of which the caller owns a reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_DecRefShared(op: *mut PyObject) {
    // SAFETY: the callees ask what the caller promises, and a free-threaded flavour, as this file is compiled for no
    // other.
    unsafe {
        misuse::check(op, "_Py_DecRefShared");
        merge::release_shared(op, c"_Py_DecRefShared".as_ptr(), 0);
    }
}

/// As `_Py_DecRefShared`, for `Py_REF_DEBUG`: a report of a negative count names `filename` and `lineno`. From any
/// thread.
///
/// # Safety
/// `op` is an object of which the caller owns a reference. `filename` is a C string or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_DecRefSharedDebug(
    op: *mut PyObject,
    filename: *const c_char,
    lineno: c_int,
) {
    // SAFETY: the callees ask what the caller promises, and a free-threaded flavour, as this file is compiled for no
    // other.
    unsafe {
        misuse::check(op, "_Py_DecRefSharedDebug");
        merge::release_shared(op, filename, lineno);
    }
}

/// Merges the counts of `op` after its owner's own count has reached zero: ends `op`, or leaves it without an owner
/// where other threads have references (free-threaded 3.13 and later).
///
/// # Safety
/// `op` is an object or a dying object that the calling thread owns, and its `ob_ref_local` is zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_MergeZeroLocalRefcount(op: *mut PyObject) {
    // SAFETY: the callees ask what the caller promises, and a free-threaded flavour, as this file is compiled for no
    // other.
    unsafe {
        misuse::check(op, "_Py_MergeZeroLocalRefcount");
        merge::merge_zero_local(op);
    }
}

/// The id of the calling thread, which no other living thread has. Inline functions call it on processors where they
/// can't read a thread register (free-threaded 3.13 and later). From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn _Py_GetThreadLocal_Addr() -> usize {
    match host::originals()._Py_GetThreadLocal_Addr {
        // SAFETY: the host's function has no arguments and no precondition.
        Some(theirs) => unsafe { theirs() },
        None => ThisHost::thread_id(),
    }
}
