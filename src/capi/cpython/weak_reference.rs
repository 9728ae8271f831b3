//! Weak references, from 3.13 on. Only an interpreter has them.

use crate::abi::PyObject;
use crate::host;
use crate::lifecycle::misuse;

/// Clears the weak references to `op` and calls none of their callbacks (3.13 and later). Without a host there are
/// no weak references, and nothing happens.
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Object_ClearWeakRefsNoCallbacks(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals().PyUnstable_Object_ClearWeakRefsNoCallbacks {
            Some(theirs) => theirs(op),
            None => misuse::check(op, "PyUnstable_Object_ClearWeakRefsNoCallbacks"),
        }
    }
}
