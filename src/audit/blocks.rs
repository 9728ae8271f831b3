//! Which memory blocks of the object domain are in use, and how long they are.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::abi::FLAVOUR;
use crate::watch::shadow::Shadow;

static BLOCKS: Shadow = Shadow::new();
static IS_WHOLE: AtomicBool = AtomicBool::new(true);

/// Bytes that one mark stands for; blocks start at multiples of it.
const GRAIN: usize = 16;
/// Marks below this are a number of grains.
const EXACT: u8 = 128;
/// The mark of a block that was given back, and is held back.
const HELD_BACK: u8 = u8::MAX;
/// The mark of anything longer than the others tell.
const LONGEST: u8 = HELD_BACK - 1;
/// Steps in which longer blocks are measured: eight for each doubling.
const STEPS: u32 = 3;
/// The first doubling that is measured in steps.
const FIRST: u32 = 7;

/// Makes room for an empty table; false where there is no memory. What an older one knew is forgotten.
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

/// How many bytes a hook asks for, so that the block has a mark. The allocator of free-threaded builds puts two blocks of up
/// to 8 bytes into one grain.
#[inline]
#[must_use]
pub const fn enough(bytes: usize) -> usize {
    if FLAVOUR.free_threaded && bytes < GRAIN {
        GRAIN
    } else {
        bytes
    }
}

/// The same of so many items.
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

/// A block was handed out.
#[inline]
pub fn given(block: usize, bytes: usize) {
    if let Some(mark) = BLOCKS.at(block) {
        // Relaxed, here and below: a thread that is handed a block by another one has synchronised with it.
        mark.store(length_mark(bytes), Ordering::Relaxed);
    } else if Shadow::<AtomicU8>::reaches(block) {
        IS_WHOLE.store(false, Ordering::Relaxed);
    }
}

/// Whether every block that was handed out since the table was opened is in it; there may have been no memory for its mark.
pub fn is_whole() -> bool {
    IS_WHOLE.load(Ordering::Relaxed)
}

/// A block is about to be given back.
#[inline]
pub fn taken_back(block: usize) {
    if let Some(mark) = BLOCKS.get(block) {
        mark.store(0, Ordering::Relaxed);
    }
}

/// How many bytes the block at `block` may have: never too few, and at most an eighth and 15 too many. `None` where no block
/// starts.
#[must_use]
pub fn room(block: usize) -> Option<usize> {
    let mark = BLOCKS.get(block)?.load(Ordering::Relaxed);
    (block.is_multiple_of(GRAIN) && mark != 0 && mark != HELD_BACK).then(|| room_of(mark))
}

/// A block was given back, and is not handed out again before it is taken back.
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
        // Anything longer.
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
