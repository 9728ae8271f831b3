//! The audit's snapshots.

use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

use crate::abi::Py_ssize_t;
use crate::audit::attachment;
use crate::audit::diff::snapshot::Snapshot;
use crate::host::reserve;

/// All objects and references at one moment.
#[derive(Debug)]
pub struct pyrefcore_snapshot(pub(super) Snapshot);

/// Looks at every object, and explains the references that are shown: by the `tp_traverse` of containers, and by the
/// known fields of CPython's own types. Runs no Python code. Returns NULL where
/// - the audit is not attached,
/// - other threads may run meanwhile: in a free-threaded CPython with more than one thread, and from 3.12 on where
///   another interpreter has threads,
/// - there is no memory, or no free file descriptor.
///
/// `pyrefcore_snapshot_try` tells the reason.
///
/// # Safety
/// The host's lock is held, and no finalizer and no `tp_traverse` runs. In a free-threaded CPython this is the only
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_take() -> *mut pyrefcore_snapshot {
    // SAFETY: the caller's promise is the callee's.
    unsafe { take() }.unwrap_or(null_mut())
}

/// As `pyrefcore_snapshot_take`, but stores the snapshot in `taken` itself: so an exception in the caller can't lose
/// the result. Returns NULL, or one sentence that says why there is no snapshot; then `taken` does not change.
/// `pyrefcore_snapshot_clear` frees the snapshot.
///
/// # Safety
/// As `pyrefcore_snapshot_take`, and `taken` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_try(
    taken: *mut *mut pyrefcore_snapshot,
) -> *const c_char {
    // SAFETY: the caller's promise is the callee's.
    match unsafe { take() } {
        Ok(snapshot) => {
            // SAFETY: the caller promises a place that can be written.
            unsafe { taken.write(snapshot) };
            null()
        }
        Err(why_not) => why_not.as_ptr(),
    }
}

/// # Safety
/// As `pyrefcore_snapshot_take`.
unsafe fn take() -> Result<*mut pyrefcore_snapshot, &'static CStr> {
    // SAFETY: the host's lock is held, and no other thread runs, as the caller promises.
    unsafe {
        attachment::look()?;
        let taken = reserve::within(|| {
            let taken = attachment::undisturbed(|| Snapshot::take())?;
            Some(Box::new(pyrefcore_snapshot(taken)))
        });
        // The reason may have arisen only during the snapshot, so it is looked for again.
        let why_not = || attachment::look().err().unwrap_or(attachment::NO_MEMORY);
        taken.map(Box::into_raw).ok_or_else(why_not)
    }
}

/// Frees a snapshot, and first takes back the references of its pins. Nothing happens with NULL.
///
/// # Safety
/// `snapshot` is NULL, or came from `pyrefcore_snapshot_take` and is not used afterwards. The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_drop(snapshot: *mut pyrefcore_snapshot) {
    if !snapshot.is_null() {
        // SAFETY: the pointer came from `Box::into_raw`, and is not used afterwards. The host's lock is held.
        unsafe { Box::from_raw(snapshot).0.unpin() }
    }
}

/// Frees the snapshot in `kept`, unless `kept` points to NULL, and writes NULL there.
///
/// # Safety
/// `kept` points to NULL, or to a snapshot that `pyrefcore_snapshot_try` wrote there. The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_clear(kept: *mut *mut pyrefcore_snapshot) {
    // SAFETY: the place can be written, and holds NULL or a snapshot that is not used afterwards.
    unsafe { pyrefcore_snapshot_drop(kept.replace(null_mut())) }
}

/// The number of objects seen.
///
/// # Safety
/// `snapshot` came from `pyrefcore_snapshot_take`, and was not dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_objects(snapshot: *const pyrefcore_snapshot) -> usize {
    // SAFETY: the caller promises a valid snapshot.
    unsafe { (*snapshot).0.objects }
}

/// The number of references that were explained.
///
/// # Safety
/// `snapshot` came from `pyrefcore_snapshot_take`, and was not dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_references(
    snapshot: *const pyrefcore_snapshot,
) -> usize {
    // SAFETY: the caller promises a valid snapshot.
    unsafe { (*snapshot).0.references }
}

/// The bytes that were in use in the C heap, without CPython's blocks that were handed out since
/// `pyrefcore_audit_memory`. The number alone says little; its growth tells that something takes memory. -1 where it
/// can't be measured: glibc's malloc (2.33 or later) is not in use, or CPython does not call it directly.
///
/// # Safety
/// `snapshot` came from `pyrefcore_snapshot_take`, and was not dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_c_heap(
    snapshot: *const pyrefcore_snapshot,
) -> Py_ssize_t {
    // SAFETY: the caller promises a valid snapshot.
    unsafe { (*snapshot).0.unheld.c_heap.unwrap_or(-1) }
}

/// Pins every mortal live object: adds 2^20 + 7 references to each, until the snapshot is unpinned or dropped. So code
/// that releases an object too often does not end it. A later call also pins the objects that were born meanwhile.
/// Returns the number of pinned objects. Returns 0 where there is no memory; then no more objects are pinned than
/// before.
///
/// # Safety
/// `snapshot` came from `pyrefcore_snapshot_take`, and was not dropped. Also as `pyrefcore_snapshot_take`. At the first
/// call no object of the snapshot has died yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_pin(snapshot: *mut pyrefcore_snapshot) -> usize {
    let mut held = 0;
    // SAFETY: the caller promises a valid snapshot, and what the callees ask.
    let _ = unsafe {
        reserve::within(|| {
            held = (*snapshot).0.pin();
            Some(())
        })
    };
    held
}

/// Takes back the references of `pyrefcore_snapshot_pin`. An object that has no other reference then dies. But it stays
/// pinned for good where a later snapshot saw that it is still shown.
///
/// # Safety
/// `snapshot` came from `pyrefcore_snapshot_take`, and was not dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_snapshot_unpin(snapshot: *mut pyrefcore_snapshot) {
    // SAFETY: the caller promises a valid snapshot, and holds the host's lock.
    unsafe { (*snapshot).0.unpin() }
}
