//! Whether blocks are handed out zeroed.
//!
//! Of an object that was leaked, fields that were never written are full of addresses from before. Those would excuse leaks of
//! the objects that lie there now.

use std::sync::atomic::{AtomicBool, Ordering};

use super::door::door;
use super::young::{self, Block, User};

/// Behind so many bytes of a block no field is looked for.
const LONGEST: usize = 1 << 17;

static IS_ON: AtomicBool = AtomicBool::new(false);

/// Whether they are.
#[inline]
pub fn is_on() -> bool {
    // Relaxed, here and below: the host's lock is held.
    IS_ON.load(Ordering::Relaxed)
}

/// Hands blocks out zeroed from now on, or as they come; returns whether they were. Where the host fills them with a pattern of
/// its own, to find mistakes, they stay as they are. The host's lock is held.
pub fn switch(on: bool) -> bool {
    let before = is_on();
    let Some(door) = door().filter(|_| before != on) else {
        return before;
    };
    if !(on && (door.fills_blocks)()) {
        young::switch(User::Zeroing, on);
        IS_ON.store(on, Ordering::Relaxed);
    }
    before
}

/// Zeroes what a block has gained, if zeroing is on. `old` is the block before it grew, if it was handed out since a check began.
///
/// # Safety
/// `bytes` bytes from `moved` on are the block now, and those behind the old length hold nothing yet.
pub unsafe fn clear_tail(old: Option<Block>, moved: *mut u8, bytes: usize) {
    let bytes = bytes.min(LONGEST);
    if let Some(old) = old.filter(|old| is_on() && old.bytes < bytes) {
        // SAFETY: the caller's promise.
        unsafe { moved.add(old.bytes).write_bytes(0, bytes - old.bytes) };
    }
}
