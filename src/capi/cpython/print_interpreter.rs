//! Listings of all objects, from 3.12 on (`Py_TRACE_REFS`).

use std::ffi::c_void;

use libc::FILE;

use super::listing::{self, Line};

/// Writes address, count and representation of all objects, up to 3.12 newest first (`Py_TRACE_REFS`, 3.12
/// and later). The interpreter may be NULL.
///
/// # Safety
/// `stream` is open for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_PrintReferences(_interpreter: *mut c_void, stream: *mut FILE) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { listing::write(stream, "Remaining objects:\n", Line::Repr) }
}

/// Writes address, count and type of all objects, up to 3.12 newest first (`Py_TRACE_REFS`, 3.12 and
/// later). The interpreter may be NULL.
///
/// # Safety
/// `stream` is open for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_PrintReferenceAddresses(_interpreter: *mut c_void, stream: *mut FILE) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { listing::write(stream, "Remaining object addresses:\n", Line::Type) }
}
