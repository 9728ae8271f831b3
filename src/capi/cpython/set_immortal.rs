//! `PyUnstable_SetImmortal`, from 3.15 on.

use std::ffi::c_int;

use crate::abi::PyObject;
use crate::host::{self, FunctionSlot};
use crate::lifecycle::{immortality, misuse};

static SET: FunctionSlot<unsafe extern "C" fn(*mut PyObject) -> c_int> = FunctionSlot::new(set);

/// Makes `PyUnstable_SetImmortal` call the host's own function from now on.
///
/// # Safety
/// No other thread calls this library meanwhile.
pub(crate) unsafe fn follow_host() {
    // SAFETY: no other thread calls this library, so none uses the slot meanwhile.
    unsafe { SET.follow(host::originals().PyUnstable_SetImmortal) }
}

/// # Safety
/// As [`PyUnstable_SetImmortal`].
unsafe extern "C" fn set(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op, "PyUnstable_SetImmortal");
        c_int::from(immortality::set_if_unique(op))
    }
}

/// Makes `op` immortal and returns 1, if the caller's reference is the only one and `op` is no string. Otherwise it
/// does nothing and returns 0. A container is not tracked any more afterwards. Totals do not change (3.15 and later).
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_SetImmortal(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    unsafe { SET.get()(op) }
}
