//! Reading the total, up to 3.11 (`Py_REF_DEBUG`).

use crate::abi::Py_ssize_t;
use crate::watch::ref_total;

/// The number of all references (`Py_REF_DEBUG`, up to 3.11). From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn _Py_GetRefTotal() -> Py_ssize_t {
    ref_total::global()
}
