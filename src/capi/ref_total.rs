//! The total as a variable (`Py_REF_DEBUG`).

use crate::abi::Py_ssize_t;

/// The number of all references up to 3.11, which inline functions change by themselves; later, what
/// extensions built with older headers add to it (`Py_REF_DEBUG`). From any thread by atomic additions.
#[unsafe(no_mangle)]
pub static mut _Py_RefTotal: Py_ssize_t = 0;
