//! Printing the total, in 3.8 (`Py_REF_DEBUG`).

use crate::host;
use crate::watch::ref_total;

/// Writes `[N refs, M blocks]` to standard error: the number of all references, and in a host that of the blocks
/// which its allocator has given out. Without a host that is 0, as CPython says where an allocator does not
/// tell (`Py_REF_DEBUG`, 3.8).
#[unsafe(no_mangle)]
pub extern "C" fn _PyDebug_PrintTotalRefs() {
    match host::originals()._PyDebug_PrintTotalRefs {
        // SAFETY: the host's own function; the caller holds what it asks for.
        Some(theirs) => unsafe { theirs() },
        None => host::say(&format!("[{} refs, 0 blocks]\n", ref_total::global())),
    }
}
