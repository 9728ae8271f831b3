//! The two words in front of a container, where there is no collector: tracking is a mark, no more.

use std::ptr::null_mut;

use super::{birth, memory, misuse};
use crate::abi::{
    self, FLAVOUR, Py_ssize_t, PyGC_Head, PyObject, PyTypeObject, PyVarObject, TypeFlags,
};

/// The words in front of a container.
#[must_use]
pub fn head(op: *mut PyObject) -> *mut PyGC_Head {
    op.cast::<PyGC_Head>().wrapping_sub(1)
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
    // SAFETY: a container has its head in front of it.
    unsafe { (*head(op))._gc_next != 0 }
}

/// Tracks a container: it is a ring of its own.
///
/// # Safety
/// `op` is a container.
pub unsafe fn track(op: *mut PyObject) {
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
