//! On other processors nothing is traced: `refusals` says so first.

use std::ffi::CStr;

use super::trace::{NOT_WRITABLE, Trace};

/// Nothing is installed.
///
/// # Errors
/// Always.
pub fn install(_table: Box<Trace>) -> Result<(), &'static CStr> {
    Err(NOT_WRITABLE)
}

/// There is no table.
pub fn table() -> Option<&'static Trace> {
    None
}

/// There is no handler.
pub fn remove() {}
