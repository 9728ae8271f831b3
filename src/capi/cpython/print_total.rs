//! Printing the total, in 3.8 (`Py_REF_DEBUG`).

use crate::host;
use crate::watch::ref_total;

/// Writes `[N refs, M blocks]` to standard error: the number of all references, and the number of blocks that the
/// host's allocator has handed out. Without a host the second number is 0, as in CPython where an allocator does not
/// count (`Py_REF_DEBUG`, 3.8).
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyDebug_PrintTotalRefs() {
    match host::originals()._PyDebug_PrintTotalRefs {
        // SAFETY: the host's function needs the host's lock, which is held, as the caller promises.
        Some(theirs) => unsafe { theirs() },
        None => host::say(&format!("[{} refs, 0 blocks]\n", ref_total::global())),
    }
}
