//! Whether the blocks of dead objects are held back.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::audit::heap::blocks;
use crate::audit::heap::host_hooks::{HostHooks, host_hooks};

static IS_ON: AtomicBool = AtomicBool::new(false);
/// The interpreter whose blocks are held back: a copy that needs no mutex.
static INTERPRETER: AtomicUsize = AtomicUsize::new(0);

/// Whether blocks are held back.
#[inline]
pub fn is_on() -> bool {
    // Relaxed, in this file: this thread holds the host's lock, or that of another interpreter, whose blocks are never
    // held back.
    IS_ON.load(Ordering::Relaxed)
}

/// Whether blocks of the current thread's interpreter are held back.
///
/// # Safety
/// The lock of that interpreter is held.
pub(in crate::audit) unsafe fn is_here() -> bool {
    // SAFETY: the caller holds the lock, and so is on a thread of an interpreter.
    let here = |hooks: &HostHooks| unsafe { (hooks.interpreter)() };
    is_on() && host_hooks().is_some_and(|hooks| here(hooks) == INTERPRETER.load(Ordering::Relaxed))
}

/// Whether a block is in use: neither free nor held back.
pub(in crate::audit) fn is_handed_out(block: usize) -> bool {
    blocks::room(block).is_some()
}

/// Sets whether blocks are held back; returns what it was before.
pub(in crate::audit) fn switch(on: bool) -> bool {
    IS_ON.swap(on, Ordering::Relaxed)
}

/// Sets the interpreter whose blocks are held back.
pub(in crate::audit) fn set_interpreter(interpreter: usize) {
    INTERPRETER.store(interpreter, Ordering::Relaxed);
}
