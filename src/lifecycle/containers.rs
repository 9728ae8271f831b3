//! Memory for objects that the garbage collector knows: `PyObject_GC_New` and its kin.

use std::ptr::null_mut;

use super::{allocation, birth, gc, merge, misuse};
use crate::abi::{self, FLAVOUR, Py_ssize_t, PyObject, PyTypeObject, PyVarObject, TypeFlags};

/// A new, untracked instance of a container type; NULL where there is no memory.
///
/// # Safety
/// `ob_type` is a type with `Py_TPFLAGS_HAVE_GC`.
pub unsafe fn new(ob_type: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: `ob_type` is a type. `allocate` gives NULL, or new memory for an instance with the bytes in front of it.
    unsafe { birth::init(allocate(ob_type, 0, "PyObject_GC_New"), ob_type) }
}

/// A new, untracked instance of a container type with `size` items; NULL where `size` is negative or there is no
/// memory.
///
/// # Safety
/// `ob_type` is a type with `Py_TPFLAGS_HAVE_GC`.
pub unsafe fn new_var(ob_type: *mut PyTypeObject, size: Py_ssize_t) -> *mut PyVarObject {
    // SAFETY: as in `new`. The memory also has room for `size` items.
    unsafe {
        birth::init_var(
            allocate(ob_type, size, "PyObject_GC_NewVar").cast(),
            ob_type,
            size,
        )
    }
}

/// Gives back the memory of a dying container. It does not release the reference to a heap type: the `tp_dealloc` must.
///
/// # Safety
/// `op` is a dying object that came from [`new`] or [`new_var`].
pub unsafe fn delete(op: *mut PyObject) {
    // SAFETY: `op` has a head or, free-threaded, a byte. Its block starts `presize` bytes before it.
    unsafe {
        gc::untrack(op);
        allocation::free(op.wrapping_byte_sub(abi::presize(op)).cast());
    }
}

/// Memory for an instance, behind its head; NULL where `items` is negative or there is no memory.
///
/// # Safety
/// `ob_type` is a type.
unsafe fn allocate(ob_type: *mut PyTypeObject, items: Py_ssize_t, call: &str) -> *mut PyObject {
    // SAFETY: the check takes any pointer.
    unsafe { misuse::check_allocation(ob_type, true, call) };
    if items < 0 {
        return null_mut();
    }
    // SAFETY: a type can be read. After the merge only `ob_type` is used, which stays a type: the caller uses it.
    unsafe {
        merge::merge_queued();
        let presize = TypeFlags((*ob_type).tp_flags).presize(FLAVOUR);
        let block =
            allocation::allocate(presize.saturating_add(birth::size_of_instance(ob_type, items)));
        if block.is_null() {
            null_mut()
        } else {
            block.wrapping_byte_add(presize).cast()
        }
    }
}
