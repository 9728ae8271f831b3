//! Memory for objects in a process without an interpreter.

use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr::null_mut;

use crate::abi::{FLAVOUR, PyObject};
use crate::watch::watchers::{self, Watcher};
use crate::watch::{live, tracemalloc};

/// A debug flavour keeps this many bytes in front of each block. malloc writes its links there while the block is free,
/// and so does not overwrite the filled memory behind them.
const GUARD: usize = if FLAVOUR.is_debug() { 16 } else { 0 };
/// A debug flavour fills freed memory with this byte, as CPython does. A count there is negative then.
const DEAD_BYTE: i32 = 0xDD;

/// A debug flavour does not fill this many bytes at the start of a freed block: the counting words of a free-threaded
/// object. A thread that still uses the object then sees that it has no reference.
const UNFILLED: usize = if FLAVOUR.free_threaded {
    offset_of!(PyObject, ob_type)
} else {
    0
};

/// Allocates `bytes` zeroed bytes, and tells tracemalloc; NULL where there is no memory.
#[must_use]
pub fn allocate(bytes: usize) -> *mut c_void {
    // SAFETY: calloc has no precondition.
    let block = unsafe { libc::calloc(1, bytes.saturating_add(GUARD)) };
    if block.is_null() {
        return null_mut();
    }
    let block = block.wrapping_byte_add(GUARD);
    if tracemalloc::is_tracing() {
        tracemalloc::track(0, block as usize, bytes);
    }
    block
}

/// Copies `block` into a new block of `bytes` bytes, and frees `block`. NULL where there is no memory; then `block` is
/// kept.
///
/// # Safety
/// `block` is NULL, or came from [`allocate`] and was not freed. No other thread uses it.
pub unsafe fn reallocate(block: *mut c_void, bytes: usize) -> *mut c_void {
    let new = allocate(bytes);
    if !new.is_null() && !block.is_null() {
        // SAFETY: both blocks have at least the copied bytes, and the caller gives up the old one.
        unsafe {
            let held = libc::malloc_usable_size(block.wrapping_byte_sub(GUARD)) - GUARD;
            new.copy_from_nonoverlapping(block, held.min(bytes));
            if watchers::is_on(Watcher::Live)
                && let Some(taken) = live::take(block as usize)
            {
                live::give(taken, new as usize);
            }
            free(block);
        }
    }
    new
}

/// Gives back a block. Nothing happens with NULL.
///
/// # Safety
/// `block` is NULL, or came from [`allocate`] and was not freed. No other thread uses it.
pub unsafe fn free(block: *mut c_void) {
    if block.is_null() {
        return;
    }
    if tracemalloc::is_tracing() {
        tracemalloc::untrack(0, block as usize);
    }
    if watchers::is_on(Watcher::Live) {
        // The block may hold an object that has not died: a constructor may free its memory after an error.
        // SAFETY: the live table is open while its watcher is on.
        unsafe { live::freed(block as usize) };
    }
    if live::remembers_the_dead() {
        live::given_back(block as usize);
    }
    let whole = block.wrapping_byte_sub(GUARD);
    // SAFETY: calloc returned `whole`, and the C library says how many bytes it has.
    unsafe {
        if FLAVOUR.is_debug() {
            let bytes = libc::malloc_usable_size(whole).saturating_sub(GUARD + UNFILLED);
            libc::memset(block.wrapping_byte_add(UNFILLED), DEAD_BYTE, bytes);
        }
        libc::free(whole);
    }
}
