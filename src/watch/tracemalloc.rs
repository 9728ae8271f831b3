//! tracemalloc: in a host the host's own, exactly; without one, the blocks that the program names.

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

/// Zero where nothing is traced for sure: our own flag, the flag that we share, or none of them.
static MAY_TRACE: AtomicPtr<AtomicI32> = AtomicPtr::new((&raw const PRIVATE.tracing).cast_mut());

/// Not tracing: CPython's answer.
pub const NOT_TRACING: c_int = -2;

/// From now on `settings` say whether tracemalloc traces. Called before the first birth: they are the
/// host's, or the program's copy of the exported ones.
///
/// # Safety
/// `settings` stay valid for good.
pub unsafe fn use_settings(settings: *mut Settings) {
    // Relaxed here and below: callers take turns.
    SETTINGS.store(settings, Ordering::Relaxed);
    // SAFETY: the caller's promise.
    MAY_TRACE.store(unsafe { &raw mut (*settings).tracing }, Ordering::Relaxed);
}

/// Whether tracemalloc traces; in a host from 3.12 on, never, because such a host needs no telling.
#[inline]
#[must_use]
pub fn is_tracing() -> bool {
    settings().tracing.load(Ordering::Relaxed) != 0
}

/// Whether tracemalloc is known not to trace, be it the host's: up to 3.11 we share its flag.
#[inline]
#[must_use]
pub fn is_surely_off() -> bool {
    // SAFETY: never null, and valid for good. Relaxed: callers take turns.
    unsafe { (*MAY_TRACE.load(Ordering::Relaxed)).load(Ordering::Relaxed) == 0 }
}

/// From now on a host is asked, unless we share its flag.
pub fn follow_host() {
    static ALWAYS: AtomicI32 = AtomicI32::new(1);
    if FLAVOUR.minor >= 12 {
        MAY_TRACE.store((&raw const ALWAYS).cast_mut(), Ordering::Relaxed);
    }
}

#[inline]
fn settings() -> &'static Settings {
    // SAFETY: never null, and valid for good, says `use_settings`.
    unsafe { &*SETTINGS.load(Ordering::Relaxed) }
}

/// Starts to trace the blocks that the program names, with at most `frames` frames each.
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

/// A block was allocated: 0, or -2 where nothing is traced.
#[inline(never)]
pub fn track(domain: u32, address: usize, size: usize) -> c_int {
    if !is_tracing() {
        return NOT_TRACING;
    }
    let is_known = stacks::capture(frames())
        .is_some_and(|stack| traces::all().track(domain, address, Trace { size, stack }));
    if is_known { 0 } else { -1 }
}

/// A block was given back: 0, or -2 where nothing is traced.
#[inline(never)]
pub fn untrack(domain: u32, address: usize) -> c_int {
    if !is_tracing() {
        return NOT_TRACING;
    }
    traces::all().untrack(domain, address);
    0
}

/// An object was born in a block that may have been handed out before: the block gets this stack and
/// keeps its size. 0, or -1 where the block is unknown or nothing is traced.
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

#[inline(never)]
unsafe fn renew(op: *mut PyObject) -> c_int {
    if host::has_interpreter() {
        let theirs = host::originals()._PyTraceMalloc_NewReference;
        // SAFETY: the host's own function, with an object that its own would be given.
        return theirs.map_or(-1, |theirs| unsafe { theirs(op) });
    }
    // SAFETY: the caller's promise is the callee's.
    let block = op as usize - unsafe { abi::presize(op) };
    let stack = stacks::capture(frames());
    if stack.is_some_and(|stack| traces::all().renew(0, block, stack)) {
        0
    } else {
        -1
    }
}
