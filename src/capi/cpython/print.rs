//! Listings of all objects, up to 3.11 (`Py_TRACE_REFS`).

use libc::FILE;

use super::listing::{self, Line};
use crate::host;

/// Writes address, count and representation of all objects, newest first (`Py_TRACE_REFS`, up to 3.11).
///
/// # Safety
/// `stream` is open for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_PrintReferences(stream: *mut FILE) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals()._Py_PrintReferences {
            Some(theirs) => theirs(stream),
            None => listing::write(stream, "Remaining objects:\n", Line::Repr),
        }
    }
}

/// Writes address, count and type of all objects, newest first (`Py_TRACE_REFS`, up to 3.11).
///
/// # Safety
/// `stream` is open for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_PrintReferenceAddresses(stream: *mut FILE) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals()._Py_PrintReferenceAddresses {
            Some(theirs) => theirs(stream),
            None => listing::write(stream, "Remaining object addresses:\n", Line::Type),
        }
    }
}
