//! Immortal by request, from 3.15 on.

use std::ffi::c_int;

use crate::abi::PyObject;
use crate::host::{self, Chosen};
use crate::lifecycle::{immortality, misuse};

static SET: Chosen<unsafe extern "C" fn(*mut PyObject) -> c_int> = Chosen::new(set);

/// From now on the host's own function is behind the name.
///
/// # Safety
/// Callers take turns.
pub unsafe fn follow_host() {
    // SAFETY: the caller's promise is the callee's.
    unsafe { SET.follow(host::originals().PyUnstable_SetImmortal) }
}

unsafe extern "C" fn set(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "PyUnstable_SetImmortal");
        c_int::from(immortality::set_if_unique(op))
    }
}

/// Makes `op` immortal and returns 1 where the caller's reference is the only one and `op` is no string, otherwise
/// 0; a tracked container is no longer tracked (3.15 and later). Totals stay as they are.
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_SetImmortal(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    unsafe { SET.get()(op) }
}
