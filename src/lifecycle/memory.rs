//! Memory for objects, where there is no interpreter to give it.

use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr::null_mut;

use crate::abi::{FLAVOUR, PyObject};
use crate::watch::watchers::{self, Watcher};
use crate::watch::{live, tracemalloc};

/// A debug flavour keeps so many bytes in front of each block, where the C library can write its own
/// links once the block is given back.
const GUARD: usize = if FLAVOUR.is_debug() { 16 } else { 0 };
/// A debug flavour fills memory that was given back with these, as CPython does: what was a count is
/// negative then.
const DEAD_BYTE: i32 = 0xDD;

/// So many bytes of a block that was given back stay as they were: what a free-threaded object counts with, so that a
/// thread which still has the object sees that it has no reference.
const KEPT: usize = if FLAVOUR.free_threaded {
    offset_of!(PyObject, ob_type)
} else {
    0
};

/// Allocates that many bytes, zeroed, and tells tracemalloc; NULL where there is no memory.
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

/// Moves what `block` holds into a block of another size; NULL, with `block` as it was, where there is no memory.
///
/// # Safety
/// `block` is NULL or came from [`allocate`] and was not given back.
pub unsafe fn reallocate(block: *mut c_void, bytes: usize) -> *mut c_void {
    let new = allocate(bytes);
    if !new.is_null() && !block.is_null() {
        // SAFETY: both are blocks of at least that many bytes, and the old one is the caller's to give.
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

/// Gives memory back. Nothing happens with NULL.
///
/// # Safety
/// `block` is NULL or came from [`allocate`] and was not given back.
pub unsafe fn free(block: *mut c_void) {
    if block.is_null() {
        return;
    }
    if tracemalloc::is_tracing() {
        tracemalloc::untrack(0, block as usize);
    }
    if watchers::is_on(Watcher::Live) {
        // An object that was never ended, as on a constructor's way out.
        // SAFETY: the table is open while it is kept.
        unsafe { live::freed(block as usize) };
    }
    if live::remembers_the_dead() {
        live::given_back(block as usize);
    }
    let whole = block.wrapping_byte_sub(GUARD);
    // SAFETY: `whole` is what calloc returned, with as many bytes as the C library says.
    unsafe {
        if FLAVOUR.is_debug() {
            let bytes = libc::malloc_usable_size(whole).saturating_sub(GUARD + KEPT);
            libc::memset(block.wrapping_byte_add(KEPT), DEAD_BYTE, bytes);
        }
        libc::free(whole);
    }
}
