//! What a collector keeps of a container, where there is no collector: tracking is a mark, no more. It is two
//! words in front of the object, or a byte in a free-threaded one.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use super::{birth, brc, memory, misuse};
use crate::abi::{
    self, BiasedCount, FLAVOUR, Py_ssize_t, PyGC_Head, PyObject, PyTypeObject, PyVarObject,
    TypeFlags,
};

/// The bit of `_gc_prev` that says that the finalizer has run.
const FINALIZED: usize = 1;

/// The words in front of a container, unless the flavour is free-threaded.
#[must_use]
pub fn head(op: *mut PyObject) -> *mut PyGC_Head {
    op.cast::<PyGC_Head>().wrapping_sub(1)
}

/// A free-threaded object's byte for the collector.
///
/// # Safety
/// `op` is an object, and the flavour is free-threaded.
unsafe fn bits<'a>(op: *mut PyObject) -> &'a AtomicU8 {
    // SAFETY: the caller's promise; a free-threaded flavour has this layout.
    unsafe { &(*op.cast::<BiasedCount>()).ob_gc_bits }
}

/// Whether a container's finalizer has run.
///
/// # Safety
/// `op` is a container.
#[must_use]
pub unsafe fn is_finalized(op: *mut PyObject) -> bool {
    // SAFETY: a container has its head in front of it, or its byte. Relaxed: only who ends the object asks.
    unsafe {
        if FLAVOUR.free_threaded {
            bits(op).load(Relaxed) & BiasedCount::FINALIZED != 0
        } else {
            (*head(op))._gc_prev & FINALIZED != 0
        }
    }
}

/// From now on a container's finalizer has run.
///
/// # Safety
/// `op` is a container.
pub unsafe fn set_finalized(op: *mut PyObject) {
    // SAFETY: as in `is_finalized`, and so the order.
    unsafe {
        if FLAVOUR.free_threaded {
            bits(op).fetch_or(BiasedCount::FINALIZED, Relaxed);
        } else {
            (*head(op))._gc_prev |= FINALIZED;
        }
    }
}

/// Whether an object is a container, which its type's `tp_is_gc` may deny.
///
/// # Safety
/// `op` is an object.
#[must_use]
pub unsafe fn is_gc(op: *mut PyObject) -> bool {
    // SAFETY: the caller's promise; a slot is called with an object of its type.
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
    // SAFETY: a container has its head in front of it, or its byte. Relaxed: no other thread tracks it meanwhile.
    unsafe {
        if FLAVOUR.free_threaded {
            bits(op).load(Relaxed) & BiasedCount::TRACKED != 0
        } else {
            (*head(op))._gc_next != 0
        }
    }
}

/// Tracks a container: it is a ring of its own.
///
/// # Safety
/// `op` is a container.
pub unsafe fn track(op: *mut PyObject) {
    if FLAVOUR.free_threaded {
        // SAFETY: as in `is_tracked`, and so the order.
        unsafe { bits(op).fetch_or(BiasedCount::TRACKED, Relaxed) };
        return;
    }
    let head = head(op);
    // SAFETY: a container has its head in front of it.
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
        // SAFETY: as in `is_tracked`, and so the order.
        unsafe { bits(op).fetch_and(!BiasedCount::TRACKED, Relaxed) };
        return;
    }
    let head = head(op);
    // SAFETY: a container has its head in front of it.
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
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if is_gc(op) {
            untrack(op);
        }
    }
}

/// Leaves an object to the collector: references from stacks are not counted any more, and it lives until a
/// collector ends it. False where that is not so, as under a global lock:
/// `PyUnstable_Object_EnableDeferredRefcount`.
///
/// # Safety
/// `op` is an object.
#[must_use]
pub unsafe fn enable_deferred(op: *mut PyObject) -> bool {
    /// CPython's `_Py_REF_DEFERRED`: no count of references comes near it.
    const DEFERRED: isize = isize::MAX / 8;
    if !FLAVOUR.free_threaded {
        return false;
    }
    // SAFETY: the caller's promise is the callees'; a free-threaded flavour has this layout. Relaxed, both: nothing is
    // published with the bit, and a count has no order.
    unsafe {
        if !is_gc(op) || !is_tracked(op) {
            return false;
        }
        let before = bits(op).fetch_or(BiasedCount::DEFERRED, Relaxed);
        if before & BiasedCount::DEFERRED != 0 {
            return false;
        }
        let shared = &(*op.cast::<BiasedCount>()).ob_ref_shared;
        shared.fetch_add(DEFERRED << 2, Relaxed);
    }
    true
}

/// A new, untracked instance of a container type; NULL where there is no memory.
///
/// # Safety
/// `ob_type` is a type with `Py_TPFLAGS_HAVE_GC`.
pub unsafe fn new(ob_type: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's promise is the callees'.
    unsafe { birth::init(allocate(ob_type, 0, "PyObject_GC_New"), ob_type) }
}

/// The same with items.
///
/// # Safety
/// `ob_type` is a type with `Py_TPFLAGS_HAVE_GC`; `size` is not negative.
pub unsafe fn new_var(ob_type: *mut PyTypeObject, size: Py_ssize_t) -> *mut PyVarObject {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        birth::init_var(
            allocate(ob_type, size, "PyObject_GC_NewVar").cast(),
            ob_type,
            size,
        )
    }
}

/// Gives back the memory of a dying container. The reference to a heap type is its `tp_dealloc`'s to
/// release.
///
/// # Safety
/// `op` came from [`new`] or [`new_var`] and its type can still be read.
pub unsafe fn delete(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        untrack(op);
        memory::free(op.wrapping_byte_sub(abi::presize(op)).cast());
    }
}

unsafe fn allocate(ob_type: *mut PyTypeObject, items: Py_ssize_t, call: &str) -> *mut PyObject {
    // SAFETY: the check takes anything.
    unsafe { misuse::check_allocation(ob_type, true, call) };
    if items < 0 {
        return null_mut();
    }
    brc::merge_queued();
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        let presize = TypeFlags((*ob_type).tp_flags).presize(FLAVOUR);
        let block =
            memory::allocate(presize.saturating_add(birth::size_of_instance(ob_type, items)));
        if block.is_null() {
            null_mut()
        } else {
            block.wrapping_byte_add(presize).cast()
        }
    }
}
