//! The collector's data of a container: two words in front of the object or, in a free-threaded flavour, one byte of
//! it.
//!
//! Without an interpreter there is no collector, and tracking only sets a bit.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::abi::{self, BiasedCount, FLAVOUR, PyGC_Head, PyObject, TypeFlags};

/// The bit of `_gc_prev` that is set when the finalizer has run.
const FINALIZED: usize = 1;

/// The head in front of a container. In a free-threaded flavour there is none.
#[must_use]
pub fn head(op: *mut PyObject) -> *mut PyGC_Head {
    op.cast::<PyGC_Head>().wrapping_sub(1)
}

/// A free-threaded object's byte for the collector.
///
/// # Safety
/// `op` is an object, and the flavour is free-threaded.
unsafe fn bits<'a>(op: *mut PyObject) -> &'a AtomicU8 {
    // SAFETY: in a free-threaded flavour an object starts with a `BiasedCount`, whose fields are all atomics.
    unsafe { &(*op.cast::<BiasedCount>()).ob_gc_bits }
}

/// Whether a container's finalizer has run.
///
/// # Safety
/// `op` is an object whose type has `Py_TPFLAGS_HAVE_GC`.
#[must_use]
pub unsafe fn is_finalized(op: *mut PyObject) -> bool {
    // SAFETY: the flag says that `op` has a head in front of it or, free-threaded, a byte. Relaxed: only the thread
    // that ends the object reads the bit.
    unsafe {
        if FLAVOUR.free_threaded {
            bits(op).load(Relaxed) & BiasedCount::FINALIZED != 0
        } else {
            (*head(op))._gc_prev & FINALIZED != 0
        }
    }
}

/// Records that a container's finalizer has run.
///
/// # Safety
/// `op` is an object whose type has `Py_TPFLAGS_HAVE_GC`.
pub unsafe fn set_finalized(op: *mut PyObject) {
    // SAFETY: as in `is_finalized`. Relaxed: as in `is_finalized`.
    unsafe {
        if FLAVOUR.free_threaded {
            bits(op).fetch_or(BiasedCount::FINALIZED, Relaxed);
        } else {
            (*head(op))._gc_prev |= FINALIZED;
        }
    }
}

/// Whether an object is a container: its type has the flag, and the type's `tp_is_gc` does not deny it.
///
/// # Safety
/// `op` is an object.
#[must_use]
pub unsafe fn is_gc(op: *mut PyObject) -> bool {
    // SAFETY: an object's type can be read, and its slots may be called with the object.
    unsafe {
        let ob_type = abi::type_of(op);
        let asked = (*ob_type).tp_is_gc;
        TypeFlags((*ob_type).tp_flags).have_gc() && asked.is_none_or(|is_gc| is_gc(op) != 0)
    }
}

/// Whether a container is tracked.
///
/// # Safety
/// `op` is a container.
#[must_use]
pub unsafe fn is_tracked(op: *mut PyObject) -> bool {
    // SAFETY: a container has a head in front of it or, free-threaded, a byte. Relaxed: no other thread tracks it
    // meanwhile.
    unsafe {
        if FLAVOUR.free_threaded {
            bits(op).load(Relaxed) & BiasedCount::TRACKED != 0
        } else {
            (*head(op))._gc_next != 0
        }
    }
}

/// Tracks a container. Its head then links to itself.
///
/// # Safety
/// `op` is a container.
pub unsafe fn track(op: *mut PyObject) {
    if FLAVOUR.free_threaded {
        // SAFETY: as in `is_tracked`. Relaxed: as in `is_tracked`.
        unsafe { bits(op).fetch_or(BiasedCount::TRACKED, Relaxed) };
        return;
    }
    let head = head(op);
    // SAFETY: a container has a head in front of it.
    unsafe {
        (*head)._gc_next = head as usize;
        (*head)._gc_prev = ((*head)._gc_prev & PyGC_Head::FLAGS) | head as usize;
    }
}

/// Stops tracking a container; nothing happens where it is not tracked.
///
/// # Safety
/// `op` is a container.
pub unsafe fn untrack(op: *mut PyObject) {
    if FLAVOUR.free_threaded {
        // SAFETY: as in `is_tracked`. Relaxed: as in `is_tracked`.
        unsafe { bits(op).fetch_and(!BiasedCount::TRACKED, Relaxed) };
        return;
    }
    let head = head(op);
    // SAFETY: a container has a head in front of it.
    unsafe {
        if (*head)._gc_next != 0 {
            (*head)._gc_next = 0;
            (*head)._gc_prev &= 1;
        }
    }
}

/// Stops tracking an object, if it is a container.
///
/// # Safety
/// `op` is an object.
pub unsafe fn untrack_if_gc(op: *mut PyObject) {
    // SAFETY: `op` is an object, and where `is_gc` says so a container.
    unsafe {
        if is_gc(op) {
            untrack(op);
        }
    }
}

/// Defers the counting of an object: `PyUnstable_Object_EnableDeferredRefcount`. References from stacks need not be
/// counted any more, and only a collector ends the object. False where nothing has changed, as always under a global
/// lock.
///
/// # Safety
/// `op` is an object.
#[must_use]
pub unsafe fn enable_deferred(op: *mut PyObject) -> bool {
    if !FLAVOUR.free_threaded {
        return false;
    }
    // SAFETY: the callees ask what the caller promises. In a free-threaded flavour an object starts with a
    // `BiasedCount`. Relaxed, both: the bit publishes no other write, and the addition to the count needs no order.
    unsafe {
        if !is_gc(op) || !is_tracked(op) {
            return false;
        }
        let before = bits(op).fetch_or(BiasedCount::DEFERRED, Relaxed);
        if before & BiasedCount::DEFERRED != 0 {
            return false;
        }
        let shared = &(*op.cast::<BiasedCount>()).ob_ref_shared;
        shared.fetch_add(BiasedCount::DEFERRED_REFERENCES << 2, Relaxed);
    }
    true
}
