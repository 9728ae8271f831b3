//! Memory and new objects, where there is no interpreter to give them.

use std::ffi::c_void;

use crate::abi::{self, Py_ssize_t, PyObject, PyTypeObject, PyVarObject};
use crate::lifecycle::{birth, brc, memory, misuse};

/// Allocates `bytes` zeroed bytes, aligned to 16, and tells tracemalloc; NULL where there is no memory. What
/// `PyObject_Malloc` stands for without an interpreter. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_object_malloc(bytes: usize) -> *mut c_void {
    memory::allocate(bytes)
}

/// The same for `count` items of `size` bytes. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_object_calloc(count: usize, size: usize) -> *mut c_void {
    memory::allocate(count.saturating_mul(size))
}

/// Changes the size of what `pyrefcore_object_malloc` or `pyrefcore_object_calloc` returned, or allocates where
/// `block` is NULL; what is new is zeroed. NULL, with the block as it was, where there is no memory. What
/// `PyObject_Realloc` stands for without an interpreter. From any thread.
///
/// # Safety
/// `block` is NULL or was allocated so and not given back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_object_realloc(block: *mut c_void, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise is the callee's.
    unsafe { memory::reallocate(block, bytes) }
}

/// Gives back what `pyrefcore_object_malloc` or `pyrefcore_object_calloc` returned. Nothing happens with
/// NULL. What `PyObject_Free` stands for without an interpreter. From any thread.
///
/// # Safety
/// `block` is NULL or was allocated so and not given back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_object_free(block: *mut c_void) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { memory::free(block) }
}

/// Allocates an instance of a type that is no container and gives it its first reference; NULL where there
/// is no memory. What `PyObject_New` stands for without an interpreter.
///
/// # Safety
/// `ob_type` is a type without `Py_TPFLAGS_HAVE_GC`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_object_new(ob_type: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check_allocation(ob_type, false, "PyObject_New");
        brc::merge_queued();
        let block = memory::allocate(birth::size_of_instance(ob_type, 0));
        birth::init(block.cast(), ob_type)
    }
}

/// The same for an instance with `size` items; NULL where that is negative.
///
/// # Safety
/// `ob_type` is a type without `Py_TPFLAGS_HAVE_GC`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_object_new_var(
    ob_type: *mut PyTypeObject,
    size: Py_ssize_t,
) -> *mut PyVarObject {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        misuse::check_allocation(ob_type, false, "PyObject_NewVar");
        if size < 0 {
            return std::ptr::null_mut();
        }
        brc::merge_queued();
        let block = memory::allocate(birth::size_of_instance(ob_type, size));
        birth::init_var(block.cast(), ob_type, size)
    }
}

/// Merges what other threads have handed to the calling one: objects that it owns and to which another thread gave
/// back a reference. Those without references are ended. Returns how many waited; 0 in a host, which does it by
/// itself, and where callers take turns. From any thread.
///
/// Allocating an object and ending the thread merge too; a thread that does neither has to call this now and then,
/// where destructors may run. And a thread of a free-threaded program takes part in counting from its first birth or
/// its first call of this: one that only uses objects of others has to call it before it touches the first, because
/// it may have the id of a thread that has ended, and count as its objects' owner.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_merge_queued() -> usize {
    brc::merge_queued()
}

/// The name of the flavour that the library was built for, as `cp311` or `cp312-refdebug`.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_flavour() -> *const std::ffi::c_char {
    abi::FLAVOUR_NAME.as_ptr()
}
