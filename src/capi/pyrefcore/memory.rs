//! Memory and new objects in a process without an interpreter.

use std::ffi::c_void;

use crate::abi::{self, Py_ssize_t, PyObject, PyTypeObject, PyVarObject};
use crate::lifecycle::{allocation, birth, merge, misuse};

/// Allocates `bytes` zeroed bytes, aligned to 16, and tells tracemalloc; NULL where there is no memory.
/// `PyObject_Malloc` in this header is this function. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_object_malloc(bytes: usize) -> *mut c_void {
    allocation::allocate(bytes)
}

/// As `pyrefcore_object_malloc`, for `count` items of `size` bytes. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_object_calloc(count: usize, size: usize) -> *mut c_void {
    allocation::allocate(count.saturating_mul(size))
}

/// Changes the size of a block that `pyrefcore_object_malloc` or `pyrefcore_object_calloc` returned, and may move it.
/// Where `block` is NULL, it allocates a block. New bytes are zeroed. NULL where there is no memory; then the block
/// does not change. `PyObject_Realloc` in `pyrefcore.h` is this function. From any thread.
///
/// # Safety
/// `block` is NULL, or came from these functions and was not freed. No other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_object_realloc(block: *mut c_void, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise is the callee's.
    unsafe { allocation::reallocate(block, bytes) }
}

/// Gives back a block that `pyrefcore_object_malloc`, `pyrefcore_object_calloc` or `pyrefcore_object_realloc` returned.
/// Nothing happens with NULL. `PyObject_Free` in `pyrefcore.h` is this function. From any thread.
///
/// # Safety
/// `block` is NULL, or came from these functions and was not freed. No other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_object_free(block: *mut c_void) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { allocation::free(block) }
}

/// Allocates an instance of a type that is no container and gives it its first reference; NULL where there
/// is no memory. `PyObject_New` in `pyrefcore.h` calls it.
///
/// # Safety
/// `ob_type` is a type without `Py_TPFLAGS_HAVE_GC`, and without a managed dictionary or managed weak references.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_object_new(ob_type: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: `ob_type` is a type, and stays one although destructors run: the caller uses it. `allocate` gives NULL, or
    // new memory for an instance, which has no words in front of it.
    unsafe {
        misuse::check_allocation(ob_type, false, "PyObject_New");
        merge::merge_queued();
        let block = allocation::allocate(birth::size_of_instance(ob_type, 0));
        birth::init(block.cast(), ob_type)
    }
}

/// As `pyrefcore_object_new`, for an instance with `size` items; NULL also where `size` is negative.
///
/// # Safety
/// `ob_type` is a type without `Py_TPFLAGS_HAVE_GC`, and without a managed dictionary or managed weak references.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_object_new_var(
    ob_type: *mut PyTypeObject,
    size: Py_ssize_t,
) -> *mut PyVarObject {
    // SAFETY: as in `pyrefcore_object_new`. The memory also has room for `size` items.
    unsafe {
        misuse::check_allocation(ob_type, false, "PyObject_NewVar");
        if size < 0 {
            return std::ptr::null_mut();
        }
        merge::merge_queued();
        let block = allocation::allocate(birth::size_of_instance(ob_type, size));
        birth::init_var(block.cast(), ob_type, size)
    }
}

/// Merges the objects that wait for the calling thread: it owns them, and another thread gave back a reference that the
/// owner had counted. Objects without references are ended. Returns how many waited. Returns 0 in a host, which merges
/// by itself, and outside free-threaded flavours. From any thread.
///
/// A thread also merges where it allocates an object, and where it ends. A thread that does neither must call this now
/// and then, where destructors may run.
///
/// In a free-threaded program a thread is registered by its first birth or its first call of this function. A thread
/// that only uses objects of other threads must call it before it uses the first one. Otherwise it may have the id of a
/// thread that has ended, and may count as the owner of that thread's objects.
///
/// # Safety
/// Destructors may run: afterwards the caller uses only objects that they do not end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_merge_queued() -> usize {
    // SAFETY: the caller's promise is the callee's.
    unsafe { merge::merge_queued() }
}

/// The name of the flavour that the library was built for, for example `cp311` or `cp312-refdebug`.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_flavour() -> *const std::ffi::c_char {
    abi::FLAVOUR_NAME.as_ptr()
}
