//! The exported total of all references (`Py_REF_DEBUG`).

use crate::abi::Py_ssize_t;

/// Up to 3.11 the number of all references; inline functions change it directly. In later versions only extensions
/// built with older headers add to it (`Py_REF_DEBUG`). From any thread, by atomic additions.
#[unsafe(no_mangle)]
pub static mut _Py_RefTotal: Py_ssize_t = 0;
