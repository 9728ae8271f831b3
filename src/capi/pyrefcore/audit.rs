//! Attaching the audit, and its settings.

use std::ffi::{c_char, c_int};
use std::ptr::null;

use crate::abi::PyTypeObject;
use crate::audit::attachment;
use crate::audit::guard::quarantine;
use crate::audit::guard::zeroing;
use crate::audit::walk::unheld;
use crate::host::reserve;

/// Attaches the audit to the CPython that runs in this process, by a hook in its object allocator. From now on
/// snapshots see every object. Without a CPython they see the objects in the live table, which must be on. Returns
/// NULL, or one sentence that says why the audit can't be attached. Does nothing where it is attached already.
///
/// # Safety
/// The host's lock is held, and no finalizer and no `tp_traverse` runs. In a free-threaded CPython this is the only
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_attach() -> *const c_char {
    // SAFETY: the host's lock is held, as the caller promises.
    if unsafe { attachment::is_attached() } {
        return null();
    }
    // SAFETY: the caller's promise is the callees'.
    match unsafe { reserve::within(|| Some(attachment::attach())) } {
        Some(Ok(())) => null(),
        Some(Err(reason)) => reason.as_ptr(),
        None => attachment::NO_MEMORY.as_ptr(),
    }
}

/// Detaches the audit. Returns 0, or -1 where another allocator hook was set after the audit's: then the audit's hook
/// stays, and only passes calls on.
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_detach() -> c_int {
    // SAFETY: the caller's promise is the callee's.
    if unsafe { attachment::detach() } {
        0
    } else {
        -1
    }
}

/// 1 while the audit is attached, otherwise 0.
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_is_attached() -> c_int {
    // SAFETY: the caller's promise is the callee's.
    c_int::from(unsafe { attachment::is_attached() })
}

/// Switches birth stacks on: the C call stack of each birth is kept for `pyrefcore_birth_stack`. This is slow. With 0
/// it switches them off, and forgets the kept ones. Returns the old setting. From 3.13 on this sets a reference tracer,
/// which also calls the tracer that was set before. Up to 3.12 a birth is the first use of memory in which nothing has
/// died.
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_births(on: c_int) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    c_int::from(unsafe { attachment::keep_births(on != 0) })
}

/// While birth stacks are on, up to 3.12: replaces the `tp_dealloc` of a type by one that also notes the death, until
/// they are switched off. A type that is neither a Python class nor CPython's own needs this. Without it the audit
/// can't distinguish a birth of such a type from the first use of its memory. Does nothing from 3.13 on.
///
/// # Safety
/// `ob_type` is a type, and the host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_births_of(ob_type: *mut PyTypeObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { attachment::keep_births_of(ob_type) }
}

/// Switches the quarantine on: the memory of up to 16384 dead objects, of at most 512 bytes each, is held back for a
/// while. So `pyrefcore_compare` finds dead objects that are released once more. With 0 it switches the quarantine off,
/// gives all that memory back, and forgets those objects. Returns the old setting. Does nothing without a CPython, and
/// with a free-threaded one, whose collector walks over that memory.
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_quarantine(on: c_int) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    c_int::from(unsafe { quarantine::switch(on != 0) })
}

/// Switches zeroing on: memory blocks of objects are zeroed before they are handed out. So the fields of a new object
/// hold no address from an earlier use of the block. With 0 it switches zeroing off. The new bytes of a block that
/// grows are zeroed too, if the block was handed out since then. Returns the old setting. Does nothing without a
/// CPython, and where CPython fills such memory with its own pattern.
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_zeroing(on: c_int) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    c_int::from(unsafe { zeroing::switch(on != 0) })
}

/// Switches memory growth on: hooks in the allocators of the object, the `PyMem` and the raw domain note all memory
/// blocks. So `pyrefcore_compare` finds memory that grows and is no object. With 0 it switches this off. Returns the
/// old setting. Does nothing without a CPython.
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_memory(on: c_int) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    c_int::from(unsafe { unheld::switch(on != 0) })
}
