//! The memory blocks of the object domain that are in use, and their lengths.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::abi::FLAVOUR;
use crate::watch::shadow::Shadow;

static BLOCKS: Shadow = Shadow::new();
static IS_WHOLE: AtomicBool = AtomicBool::new(true);

/// Bytes for one mark. Every block starts at a multiple of it.
const GRAIN: usize = 16;
/// A mark below this is the length in grains.
const EXACT: u8 = 128;
/// The mark of a freed block that the quarantine holds back.
const HELD_BACK: u8 = u8::MAX;
/// The mark of all blocks that are too long for the other marks.
const LONGEST: u8 = HELD_BACK - 1;
/// Longer blocks have `1 << STEPS` marks for each doubling of the length.
const STEPS: u32 = 3;
/// The first doubling with steps: 2^7 grains.
const FIRST: u32 = 7;

/// Makes an empty table, and drops the marks of an older one; false without memory.
pub fn open() -> bool {
    if BLOCKS.is_open() {
        BLOCKS.visit(|_, mark| {
            // Relaxed: the host's lock is held.
            mark.store(0, Ordering::Relaxed);
            true
        });
    }
    IS_WHOLE.store(true, Ordering::Relaxed);
    BLOCKS.open()
}

/// The bytes that the hook requests for `bytes` bytes, so that each block has its own mark. The free-threaded allocator
/// would put two blocks of up to 8 bytes into one grain.
#[inline]
#[must_use]
pub const fn enough(bytes: usize) -> usize {
    if FLAVOUR.free_threaded && bytes < GRAIN {
        GRAIN
    } else {
        bytes
    }
}

/// As [`enough`], for `items` items of `bytes` bytes each.
#[inline]
#[must_use]
pub const fn enough_items(items: usize, bytes: usize) -> (usize, usize) {
    let all = items.saturating_mul(bytes);
    if enough(all) == all {
        (items, bytes)
    } else {
        (1, enough(all))
    }
}

/// Notes a block that was handed out.
#[inline]
pub fn given(block: usize, bytes: usize) {
    if let Some(mark) = BLOCKS.at(block) {
        // Relaxed, here and below: a thread that gets a block from another thread has synchronised with it.
        mark.store(length_mark(bytes), Ordering::Relaxed);
    } else if Shadow::<AtomicU8>::reaches(block) {
        IS_WHOLE.store(false, Ordering::Relaxed);
    }
}

/// Whether the table has every block that was handed out since it was opened. A block is missing if there was no memory
/// for its mark.
pub fn is_whole() -> bool {
    IS_WHOLE.load(Ordering::Relaxed)
}

/// Removes the mark of a block that is about to be given back.
#[inline]
pub fn taken_back(block: usize) {
    if let Some(mark) = BLOCKS.get(block) {
        mark.store(0, Ordering::Relaxed);
    }
}

/// The most bytes that the block at `block` can have: never too few, at most an eighth and 15 bytes too many. `None` if
/// no block in use starts there.
#[must_use]
pub fn room(block: usize) -> Option<usize> {
    let mark = BLOCKS.get(block)?.load(Ordering::Relaxed);
    (block.is_multiple_of(GRAIN) && mark != 0 && mark != HELD_BACK).then(|| room_of(mark))
}

/// Marks a freed block as held back, until [`taken_back`].
pub fn hold_back(block: usize) {
    if let Some(mark) = BLOCKS.get(block) {
        mark.store(HELD_BACK, Ordering::Relaxed);
    }
}

/// Whether the block at `block` is held back.
#[must_use]
pub fn is_held_back(block: usize) -> bool {
    BLOCKS
        .get(block)
        .is_some_and(|mark| mark.load(Ordering::Relaxed) == HELD_BACK)
}

/// Calls `visit` with the start and the room of each block, in order of addresses.
pub fn visit(mut visit: impl FnMut(usize, usize)) {
    BLOCKS.visit(|block, mark: &AtomicU8| {
        let mark = mark.load(Ordering::Relaxed);
        if mark != HELD_BACK {
            visit(block, room_of(mark));
        }
        true
    });
}

#[inline]
fn length_mark(bytes: usize) -> u8 {
    let grains = bytes.div_ceil(GRAIN).max(1);
    if grains < usize::from(EXACT) {
        return grains as u8;
    }
    long_mark(grains)
}

#[cold]
fn long_mark(grains: usize) -> u8 {
    let doubling = grains.ilog2();
    let step = (grains >> (doubling - STEPS)) & 7;
    let mark = usize::from(EXACT) + ((doubling - FIRST) << STEPS) as usize + step;
    u8::try_from(mark).map_or(LONGEST, |mark| mark.min(LONGEST))
}

fn room_of(mark: u8) -> usize {
    let grains = match mark.checked_sub(EXACT) {
        None => usize::from(mark),
        Some(steps) if mark < LONGEST => {
            let doubling = FIRST + u32::from(steps >> STEPS);
            (9 + usize::from(steps & 7)) << (doubling - STEPS)
        }
        // [`LONGEST`].
        Some(_) => usize::MAX / GRAIN,
    };
    grains * GRAIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_never_too_small_and_hardly_too_large() {
        let doubled = (0..30).flat_map(|n| [1 << n, (1 << n) + 1, 3 << n, (16 << n) - 1]);
        for bytes in (0..5000).chain(doubled.filter(|&bytes: &usize| bytes < 60 << 20)) {
            let room = room_of(length_mark(bytes));
            assert!(room >= bytes, "{bytes}: {room}");
            assert!(room <= bytes + bytes / 8 + 2 * GRAIN, "{bytes}: {room}");
        }
        assert!(room_of(length_mark(1 << 40)) >= 1 << 40);
    }
}
