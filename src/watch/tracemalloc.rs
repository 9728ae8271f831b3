//! tracemalloc. In a host, the host's own. Without a host, it traces the blocks that the program reports.

use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

use super::stacks;
use super::traces::{self, Trace};
use crate::abi::{self, FLAVOUR, PyObject};
use crate::host;

/// The first fields of CPython's `_Py_tracemalloc_config`, which it tests at each birth up to 3.11.
#[derive(Debug)]
#[repr(C)]
pub struct Settings {
    initialized: AtomicI32,
    tracing: AtomicI32,
    max_nframe: AtomicI32,
}

static SETTINGS: AtomicPtr<Settings> = AtomicPtr::new((&raw const PRIVATE).cast_mut());

/// Stands in until [`use_settings`] is called.
static PRIVATE: Settings = Settings {
    initialized: AtomicI32::new(0),
    tracing: AtomicI32::new(0),
    max_nframe: AtomicI32::new(1),
};

/// Points to a flag that is zero only if tracing is surely off. It is our own flag, the flag that we share with the
/// host, or a constant 1.
static MAY_TRACE: AtomicPtr<AtomicI32> = AtomicPtr::new((&raw const PRIVATE.tracing).cast_mut());

/// CPython's result if tracemalloc is off.
pub const NOT_TRACING: c_int = -2;

/// Uses these settings: the host's, or the program's copy of the exported ones. Called before the first birth.
///
/// # Safety
/// `settings` stay valid for good.
pub unsafe fn use_settings(settings: *mut Settings) {
    // Relaxed here and below: callers take turns.
    SETTINGS.store(settings, Ordering::Relaxed);
    // SAFETY: the caller's promise.
    MAY_TRACE.store(unsafe { &raw mut (*settings).tracing }, Ordering::Relaxed);
}

/// Whether tracemalloc traces. In a host from 3.12 on it is always false, because the host traces without our help.
#[inline]
#[must_use]
pub fn is_tracing() -> bool {
    settings().tracing.load(Ordering::Relaxed) != 0
}

/// Whether tracemalloc is surely off. Up to 3.11 this includes the host's, whose flag we share.
#[inline]
#[must_use]
pub fn is_surely_off() -> bool {
    // SAFETY: the pointer is never null, and stays valid. Relaxed: callers take turns.
    unsafe { (*MAY_TRACE.load(Ordering::Relaxed)).load(Ordering::Relaxed) == 0 }
}

/// From 3.12 on, every birth asks the host, because its flag is not shared.
pub fn follow_host() {
    static ALWAYS: AtomicI32 = AtomicI32::new(1);
    if !FLAVOUR.exports_variables() {
        MAY_TRACE.store((&raw const ALWAYS).cast_mut(), Ordering::Relaxed);
    }
}

#[inline]
fn settings() -> &'static Settings {
    // SAFETY: the pointer is never null. `use_settings` demands that it stays valid.
    unsafe { &*SETTINGS.load(Ordering::Relaxed) }
}

/// Starts to trace the blocks that the program reports, with at most `frames` frames each.
pub fn start(frames: c_int) {
    settings().initialized.store(1, Ordering::Relaxed);
    settings()
        .max_nframe
        .store(frames.max(1), Ordering::Relaxed);
    settings().tracing.store(1, Ordering::Relaxed);
}

/// Stops tracing and forgets all blocks.
pub fn stop() {
    settings().tracing.store(0, Ordering::Relaxed);
    traces::all().clear();
}

/// Frames kept of each block.
#[must_use]
pub fn frames() -> usize {
    usize::try_from(settings().max_nframe.load(Ordering::Relaxed)).unwrap_or(1)
}

/// Records an allocated block. Returns 0, -1 if there is no memory, or -2 if tracemalloc is off.
#[inline(never)]
pub fn track(domain: u32, address: usize, size: usize) -> c_int {
    if !is_tracing() {
        return NOT_TRACING;
    }
    let is_known = stacks::capture(frames())
        .is_some_and(|stack| traces::all().track(domain, address, Trace { size, stack }));
    if is_known { 0 } else { -1 }
}

/// Forgets a freed block. Returns 0, or -2 if tracemalloc is off.
#[inline(never)]
pub fn untrack(domain: u32, address: usize) -> c_int {
    if !is_tracing() {
        return NOT_TRACING;
    }
    traces::all().untrack(domain, address);
    0
}

/// Gives the block of a newly born object the current stack. The block may come from a free list; it keeps its size.
/// Returns 0, or -1 if the block is unknown or tracemalloc is off.
///
/// # Safety
/// `op` is an object whose type has been set.
#[inline]
pub unsafe fn new_reference(op: *mut PyObject) -> c_int {
    if is_surely_off() {
        return -1;
    }
    // SAFETY: the caller's promise is the callee's.
    unsafe { renew(op) }
}

/// # Safety
/// As [`new_reference`].
#[inline(never)]
unsafe fn renew(op: *mut PyObject) -> c_int {
    if host::has_interpreter() {
        let theirs = host::originals()._PyTraceMalloc_NewReference;
        // SAFETY: the host's own function, which takes any object whose type has been set.
        return theirs.map_or(-1, |theirs| unsafe { theirs(op) });
    }
    // SAFETY: the type of `op` has been set.
    let block = op as usize - unsafe { abi::presize(op) };
    let stack = stacks::capture(frames());
    if stack.is_some_and(|stack| traces::all().renew(0, block, stack)) {
        0
    } else {
        -1
    }
}
