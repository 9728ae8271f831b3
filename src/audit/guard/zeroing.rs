//! Whether new blocks are zeroed.
//!
//! A field that was never written holds what was in the memory before. In a leaked object, such an old address would
//! excuse leaks of the object that lies there now.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::audit::heap::host_hooks::host_hooks;
use crate::audit::heap::young::{self, User};

/// The audit looks for no fields beyond this length of a block.
const LONGEST: usize = 1 << 17;

static IS_ON: AtomicBool = AtomicBool::new(false);

/// Whether new blocks are zeroed.
#[inline]
pub fn is_on() -> bool {
    // Relaxed, here and below: the host's lock is held.
    IS_ON.load(Ordering::Relaxed)
}

/// Starts or stops zeroing new blocks; returns whether they were zeroed before. If the host fills blocks with its own
/// pattern to find mistakes, they keep that pattern.
///
/// # Safety
/// The host's lock is held.
pub unsafe fn switch(on: bool) -> bool {
    let before = is_on();
    let Some(hooks) = host_hooks().filter(|_| before != on) else {
        return before;
    };
    // SAFETY: the host's lock is held, as the caller promises.
    if !(on && unsafe { (hooks.fills_blocks)() }) {
        young::switch(User::Zeroing, on);
        IS_ON.store(on, Ordering::Relaxed);
    }
    before
}

/// Zeroes the bytes that a block has gained, if zeroing is on. `old` is its length before it grew, if that is known.
///
/// # Safety
/// `moved` points to `bytes` bytes that are the block now. The bytes beyond the old length hold no data yet.
pub unsafe fn clear_tail(old: Option<usize>, moved: *mut u8, bytes: usize) {
    let bytes = bytes.min(LONGEST);
    if let Some(old) = old.filter(|&old| is_on() && old < bytes) {
        // SAFETY: the bytes from the old length to `bytes` are in the block and hold no data, as the caller promises.
        unsafe { moved.add(old).write_bytes(0, bytes - old) };
    }
}
