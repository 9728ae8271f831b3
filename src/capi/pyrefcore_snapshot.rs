//! The audit's snapshots.

use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

use crate::abi::Py_ssize_t;
use crate::audit::attachment;
use crate::audit::snapshot::Snapshot;
use crate::host::reserve;

/// One moment of all objects.
#[derive(Debug)]
pub struct pyrefcore_snapshot(pub(super) Snapshot);

/// Looks at every object, and explains each reference that is shown: by `tp_traverse` of containers, and by what is known
/// of CPython's own types. NULL where the audit is not attached, where other threads may run meanwhile (a free-threaded
/// CPython with more than one, and from 3.12 on another interpreter that has any), or there is no memory or no free file
/// descriptor: `pyrefcore_snapshot_try` says which. Runs no Python code.
///
/// # Safety
/// No finalizer and no traverse runs; in a free-threaded CPython this is the only thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_take() -> *mut pyrefcore_snapshot {
    // SAFETY: the caller's promise is the callee's.
    unsafe { take() }.unwrap_or(null_mut())
}

/// The same, written to `taken`, where nothing may get lost on the way to it: NULL, or the reason why there is none, in one
/// sentence; then `taken` stays as it is. `pyrefcore_snapshot_clear` forgets it.
///
/// # Safety
/// As `pyrefcore_snapshot_take`; `taken` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_try(
    taken: *mut *mut pyrefcore_snapshot,
) -> *const c_char {
    // SAFETY: the caller's promise is the callee's.
    match unsafe { take() } {
        Ok(snapshot) => {
            // SAFETY: the caller's promise.
            unsafe { taken.write(snapshot) };
            null()
        }
        Err(why_not) => why_not.as_ptr(),
    }
}

/// # Safety
/// As `pyrefcore_snapshot_take`.
unsafe fn take() -> Result<*mut pyrefcore_snapshot, &'static CStr> {
    attachment::look()?;
    let taken = reserve::within(|| {
        // SAFETY: the caller's promise is the callee's.
        let taken = attachment::undisturbed(|| unsafe { Snapshot::take() })?;
        Some(Box::new(pyrefcore_snapshot(taken)))
    });
    // What has changed meanwhile may be the reason.
    let why_not = || attachment::look().err().unwrap_or(attachment::NO_MEMORY);
    taken.map(Box::into_raw).ok_or_else(why_not)
}

/// Forgets a snapshot, and takes back the references of its pins. NULL is nothing.
///
/// # Safety
/// `snapshot` is NULL or came from `pyrefcore_snapshot_take`, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_drop(snapshot: *mut pyrefcore_snapshot) {
    if !snapshot.is_null() {
        // SAFETY: the caller's promise.
        unsafe { Box::from_raw(snapshot).0.unpin() }
    }
}

/// Forgets the snapshot in `kept`, where there is one, and writes NULL there.
///
/// # Safety
/// `kept` is NULL in what it points to, or was written by `pyrefcore_snapshot_try`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_clear(kept: *mut *mut pyrefcore_snapshot) {
    // SAFETY: the caller's promise.
    unsafe { pyrefcore_snapshot_drop(kept.replace(null_mut())) }
}

/// The number of objects seen.
///
/// # Safety
/// `snapshot` came from `pyrefcore_snapshot_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_objects(snapshot: *const pyrefcore_snapshot) -> usize {
    // SAFETY: the caller's promise.
    unsafe { (*snapshot).0.objects }
}

/// The number of references that were explained.
///
/// # Safety
/// `snapshot` came from `pyrefcore_snapshot_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_references(
    snapshot: *const pyrefcore_snapshot,
) -> usize {
    // SAFETY: the caller's promise.
    unsafe { (*snapshot).0.references }
}

/// The bytes that were in use in the C heap, without those of CPython's blocks that were handed out since
/// `pyrefcore_audit_memory`: the number alone says little, its growth says that something takes memory. -1 where that can't be
/// told: glibc's malloc (2.33 or later) is not in use, or something stands between it and CPython.
///
/// # Safety
/// `snapshot` came from `pyrefcore_snapshot_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_c_heap(
    snapshot: *const pyrefcore_snapshot,
) -> Py_ssize_t {
    // SAFETY: the caller's promise.
    unsafe { (*snapshot).0.unheld.c_heap.unwrap_or(-1) }
}

/// Holds every mortal object that lives now with 2^20 + 7 references more, until the snapshot lets go, so that code that
/// releases one too often does not end it. Called once more it holds those that were born meanwhile. The number of objects
/// that it holds; 0 where there is no memory, and then it holds none more than before.
///
/// # Safety
/// `snapshot` came from `pyrefcore_snapshot_take`; and as there. The first call comes before anything that the snapshot
/// saw has died.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_pin(snapshot: *mut pyrefcore_snapshot) -> usize {
    let mut held = 0;
    let _ = reserve::within(|| {
        // SAFETY: the caller's promise.
        held = unsafe { (*snapshot).0.pin() };
        Some(())
    });
    held
}

/// Takes the references of `pyrefcore_snapshot_pin` back. What then has none dies; but what a later snapshot found to be
/// held without a reference stays for good.
///
/// # Safety
/// `snapshot` came from `pyrefcore_snapshot_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_unpin(snapshot: *mut pyrefcore_snapshot) {
    // SAFETY: the caller's promise.
    unsafe { (*snapshot).0.unpin() }
}
