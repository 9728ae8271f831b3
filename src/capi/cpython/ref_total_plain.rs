//! Reading the total of all references, up to 3.11 (`Py_REF_DEBUG`).

use crate::abi::Py_ssize_t;
use crate::host;
use crate::watch::ref_total;

/// The number of all references (`Py_REF_DEBUG`, up to 3.11). Without a host, from any thread.
///
/// # Safety
/// In a host, its lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_GetRefTotal() -> Py_ssize_t {
    match host::originals()._Py_GetRefTotal {
        // SAFETY: the host's function needs the host's lock, which is held, as the caller promises.
        Some(theirs) => unsafe { theirs() },
        None => ref_total::global(),
    }
}
