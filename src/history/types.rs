//! Types of CPython that a returned container may have.

use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::audit::heap::host_hooks::host_hooks;

static TUPLE: AtomicUsize = AtomicUsize::new(0);
static LIST: AtomicUsize = AtomicUsize::new(0);

/// Learns their addresses.
pub fn learn() {
    let symbol = |name: &CStr| host_hooks().map_or(0, |hooks| (hooks.symbol)(name) as usize);
    // Relaxed: the handler that reads them is installed later, by the same thread.
    TUPLE.store(symbol(c"PyTuple_Type"), Ordering::Relaxed);
    LIST.store(symbol(c"PyList_Type"), Ordering::Relaxed);
}

/// `PyTuple_Type`.
pub fn tuple() -> usize {
    TUPLE.load(Ordering::Relaxed)
}

/// `PyList_Type`.
pub fn list() -> usize {
    LIST.load(Ordering::Relaxed)
}
