//! The audit: whether it sees everything.

use std::ffi::{c_char, c_int};
use std::ptr::null;

use crate::abi::PyTypeObject;
use crate::audit::{attachment, quarantine, unheld, zeroing};
use crate::host::reserve;

/// Attaches the audit to the CPython that runs in this process, by a hook in its object allocator: from now on
/// snapshots see every object. Without a CPython they see what the live table knows, which must be on. NULL, or
/// the reason why that can't be, in one sentence. Does nothing where it is attached.
///
/// # Safety
/// No finalizer and no traverse runs; in a free-threaded CPython this is the only thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_attach() -> *const c_char {
    if attachment::is_attached() {
        return null();
    }
    // SAFETY: the caller's promise is the callee's.
    match reserve::within(|| Some(unsafe { attachment::attach() })) {
        Some(Ok(())) => null(),
        Some(Err(reason)) => reason.as_ptr(),
        None => attachment::NO_MEMORY.as_ptr(),
    }
}

/// Detaches. 0, or -1 where another allocator stands in front of the hook, which stays as a passage.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_audit_detach() -> c_int {
    if attachment::detach() { 0 } else { -1 }
}

/// 1 while the audit is attached, otherwise 0.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_audit_is_attached() -> c_int {
    c_int::from(attachment::is_attached())
}

/// From now on the C call stack of each birth is kept for `pyrefcore_birth_stack` (slow), or, with 0, of no more: those that
/// were are forgotten. The old setting. From 3.13 on this sets a reference tracer, which passes on to the one that was there;
/// a birth up to 3.12 is the first use of memory in which nothing has died before.
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_births(on: c_int) -> c_int {
    c_int::from(attachment::keep_births(on != 0))
}

/// While births are kept: up to 3.12 deaths of this type's instances are noted, in a `tp_dealloc` of ours, until births are
/// kept no more. Without that, births of a type that is no Python class and none of CPython's are not told from the first
/// use of their memory. Does nothing from 3.13 on.
///
/// # Safety
/// `ob_type` is a type, and the host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_births_of(ob_type: *mut PyTypeObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { attachment::keep_births_of(ob_type) }
}

/// From now on the memory of up to 16384 objects that have died, each of at most 512 bytes, is held back for a while, so that
/// `pyrefcore_compare` tells of those that are released once more; or, with 0, of none: all is given back and forgotten. The
/// old setting. Does nothing without a CPython, and with a free-threaded one, whose collector walks over that memory.
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_quarantine(on: c_int) -> c_int {
    c_int::from(quarantine::switch(on != 0))
}

/// From now on memory blocks of objects are handed out zeroed, so that a new object's fields hold no address that is left from
/// before; or, with 0, as they come. What a block gains when it grows is zeroed too, if it was handed out since. The old
/// setting. Does nothing without a CPython, and where CPython fills such memory with a pattern of its own.
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_zeroing(on: c_int) -> c_int {
    c_int::from(zeroing::switch(on != 0))
}

/// From now on the memory blocks of the object, the `PyMem` and the raw domain are noted, by hooks in all three allocators, so
/// that `pyrefcore_compare` tells of memory that grows and is no object; or, with 0, they are noted no more. The old setting.
/// Does nothing without a CPython.
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_audit_memory(on: c_int) -> c_int {
    c_int::from(unheld::switch(on != 0))
}
