//! Containers in a process without an interpreter. There is no collector, and tracking only sets a bit.

use std::ffi::{c_int, c_void};

use crate::abi::{Py_ssize_t, PyObject, PyTypeObject, PyVarObject};
use crate::lifecycle::{containers, gc, misuse};

/// Allocates an untracked instance of a container type and gives it its first reference; NULL where there
/// is no memory. `PyObject_GC_New` in `pyrefcore.h` calls it.
///
/// # Safety
/// `ob_type` is a type with `Py_TPFLAGS_HAVE_GC`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_gc_new(ob_type: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's promise is the callee's.
    unsafe { containers::new(ob_type) }
}

/// As `pyrefcore_gc_new`, for an instance with `size` items; NULL also where `size` is negative.
///
/// # Safety
/// `ob_type` is a type with `Py_TPFLAGS_HAVE_GC`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_gc_new_var(
    ob_type: *mut PyTypeObject,
    size: Py_ssize_t,
) -> *mut PyVarObject {
    // SAFETY: the caller's promise is the callee's.
    unsafe { containers::new_var(ob_type, size) }
}

/// Gives back the memory of a dying container. `PyObject_GC_Del` in `pyrefcore.h` is this function.
///
/// # Safety
/// `op` is a dying object that came from `pyrefcore_gc_new` or `pyrefcore_gc_new_var`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_gc_del(op: *mut c_void) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op.cast(), "PyObject_GC_Del");
        containers::delete(op.cast());
    }
}

/// Tracks a container.
///
/// # Safety
/// `op` is a container.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_gc_track(op: *mut c_void) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op.cast(), "PyObject_GC_Track");
        gc::track(op.cast());
    }
}

/// Stops tracking a container. Nothing happens where `op` is not tracked.
///
/// # Safety
/// `op` is a container.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_gc_untrack(op: *mut c_void) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check(op.cast(), "PyObject_GC_UnTrack");
        gc::untrack(op.cast());
    }
}

/// 1 where `op` is a tracked container, otherwise 0.
///
/// # Safety
/// `op` is an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_gc_is_tracked(op: *mut PyObject) -> c_int {
    // SAFETY: `op` is an object, and where `is_gc` says so a container.
    unsafe {
        misuse::check(op, "PyObject_GC_IsTracked");
        c_int::from(gc::is_gc(op) && gc::is_tracked(op))
    }
}
