//! The guard: all objects are held, and a change of any count is seen.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::null;

use crate::abi::Py_ssize_t;
use crate::audit::attachment;
use crate::audit::guard::looks::{self, Looks, looks};
use crate::host;

/// Looks at all objects once more, and tells whether a window was quiet. It takes no arguments and does all steps, so
/// that a caller in Python uses the same objects for each call: other objects would be seen as a change.
/// - The first look, before the first run, pins all objects as `pyrefcore_snapshot_pin` does. Returns 0.
/// - The second look, after the first run, pins the objects that it has left. Returns 0.
/// - Each further look returns 1 where nothing has changed since the last look but the second; 0 otherwise.
///
/// Nothing has changed where each pinned object has the same count, and where there are as many other objects of each
/// type and count. The blocks that were handed out since the first look have the same lengths, and the C heap has grown
/// by less than `pyrefcore_guard_allow` says. Calls no code of any object. After a 1 the objects that the first look
/// found are no longer pinned.
///
/// Returns -1 where there can be no look; `pyrefcore_guard_why_not` tells the reason. A process has one guard at a time,
/// and none without a CPython. `pyrefcore_guard_end` must follow a first look that returned 0.
///
/// # Safety
/// As `pyrefcore_snapshot_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_guard_look() -> c_int {
    let mut looks = looks();
    // SAFETY: the caller's promise is the callee's.
    match unsafe { look(&mut looks) } {
        Ok(is_quiet) => is_quiet.into(),
        Err(why_not) => {
            looks.why_not = Some(why_not);
            -1
        }
    }
}

/// # Safety
/// As `pyrefcore_snapshot_take`.
unsafe fn look(looks: &mut Looks) -> Result<bool, &'static CStr> {
    // SAFETY: the host's lock is held, and no `tp_traverse` runs, as the caller promises.
    unsafe {
        attachment::look()?;
        if !host::has_interpreter() {
            return Err(attachment::NO_PYTHON);
        }
        attachment::undisturbed(|| looks.look())
    }
}

/// The reason for the last -1 of `pyrefcore_guard_look`, as one sentence; NULL before any.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_guard_why_not() -> *const c_char {
    looks().why_not.map_or(null(), CStr::as_ptr)
}

/// Sets by how many bytes the C heap may grow in a quiet window.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_guard_allow(growth: usize) {
    looks().growth = growth;
}

/// The number of objects that the second look has left pinned.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_guard_held() -> usize {
    looks().held()
}

/// The number of objects that had no reference but pins at the last look. Some of these may have been released too
/// often. Take a snapshot before `pyrefcore_guard_end`, which then keeps those that are still shown.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_guard_lost() -> usize {
    looks().lost()
}

/// The bytes that were in use in the C heap at the last look, as `pyrefcore_snapshot_c_heap`. -1 where they can't be
/// measured.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_guard_c_heap() -> Py_ssize_t {
    looks().c_heap().unwrap_or(-1)
}

/// Removes the guard, and takes back the references of its pins, as `pyrefcore_snapshot_unpin` does. Nothing happens
/// without a guard.
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_guard_end() {
    // SAFETY: the caller's promise is the callee's.
    unsafe { looks::end() }
}
