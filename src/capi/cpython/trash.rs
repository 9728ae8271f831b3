//! The trashcan's functions up to 3.13. In a host the host's own functions do it.

use std::ffi::{c_int, c_void};

use crate::abi::{PyObject, destructor};
use crate::host::{self, FunctionSlot};
use crate::lifecycle::trashcan;

static BEGIN: FunctionSlot<unsafe extern "C" fn(*mut c_void, *mut PyObject) -> c_int> =
    FunctionSlot::new(begin);
static END: FunctionSlot<unsafe extern "C" fn(*mut c_void)> = FunctionSlot::new(end);

/// Makes the exported functions call the host's own functions from now on.
///
/// # Safety
/// No other thread calls this library meanwhile.
pub(crate) unsafe fn follow_host() {
    // SAFETY: no other thread calls this library, so none uses a slot meanwhile.
    unsafe {
        BEGIN.follow(host::originals()._PyTrash_begin);
        END.follow(host::originals()._PyTrash_end);
    }
}

/// # Safety
/// As [`_PyTrash_begin`].
unsafe extern "C" fn begin(_tstate: *mut c_void, op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    c_int::from(unsafe { trashcan::begin(op) })
}

/// # Safety
/// As [`_PyTrash_end`].
unsafe extern "C" fn end(_tstate: *mut c_void) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { trashcan::end() }
}

/// Opens a `tp_dealloc`. Returns 1 where the object was put aside: then the `tp_dealloc` must return. Otherwise 0.
/// `Py_TRASHCAN_BEGIN` calls it. CPython has it from 3.9 to 3.12. `tstate` may be NULL without a host.
///
/// # Safety
/// `op` is a dying container that is not tracked any more. In 3.13 without a host `op` may be NULL, which stands for an
/// object that must not be put aside.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_begin(tstate: *mut c_void, op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    unsafe { BEGIN.get()(tstate, op) }
}

/// Closes a `tp_dealloc`. The outermost one ends the objects that were put aside. `Py_TRASHCAN_END` calls it. CPython
/// has it from 3.9 to 3.12. `tstate` may be NULL without a host.
///
/// # Safety
/// The matching `_PyTrash_begin` returned 0, and every object that was put aside is still dying.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_end(tstate: *mut c_void) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { END.get()(tstate) }
}

/// 1 where `dealloc` is the `tp_dealloc` of `op`'s type, otherwise 0. CPython has it from 3.10 to 3.12.
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTrash_cond(op: *mut PyObject, dealloc: destructor) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    c_int::from(unsafe { trashcan::is_own(op, dealloc) })
}
