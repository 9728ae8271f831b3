//! The memory blocks of the object domain that are in use, and their lengths.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::abi::FLAVOUR;
use crate::watch::shadow::Shadow;

static BLOCKS: Shadow = Shadow::new();
static IS_WHOLE: AtomicBool = AtomicBool::new(true);

/// Bytes for one entry. Every block starts at a multiple of it.
const GRAIN: usize = 16;
const WORD: usize = 8;
/// The longest block of pymalloc. Longer blocks come from malloc, and stay there when they shrink.
pub(super) const SHORT: usize = 512;
/// The entry of a short block that passed the hook is its length in words, up to this entry.
const WORDS: u8 = (SHORT / WORD) as u8;
/// The entry of a short block that is older than the hook is [`WORDS`] and its length in grains, up to this entry.
const GRAINS: u8 = WORDS + (SHORT / GRAIN) as u8;
/// The entry of a freed block that the quarantine holds back.
const HELD_BACK: u8 = u8::MAX;
/// The entry of all blocks that are too long for the other entries.
const LONGEST: u8 = HELD_BACK - 1;
/// Longer blocks have `1 << STEPS` entries for each doubling of the length.
const STEPS: u32 = 3;
/// The first doubling with steps: 2^5 grains.
const FIRST: u32 = 5;

/// Makes an empty table, and drops the entries of an older one; false without memory.
pub fn open() -> bool {
    if BLOCKS.is_open() {
        BLOCKS.visit(|_, entry| {
            // Relaxed: the host's lock is held.
            entry.store(0, Ordering::Relaxed);
            true
        });
    }
    IS_WHOLE.store(true, Ordering::Relaxed);
    BLOCKS.open()
}

/// The bytes that the hook requests for `bytes` bytes, so that each block has its own entry. The free-threaded
/// allocator would put two blocks of up to 8 bytes into one grain.
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
    note(block, length_mark(bytes));
}

/// Notes a block that is older than the hook. `bytes` is the length of its object; the block may be longer.
pub fn adopted(block: usize, bytes: usize) {
    note(block, adopted_mark(bytes));
}

#[inline]
fn note(block: usize, length: u8) {
    if let Some(entry) = BLOCKS.at(block) {
        // Relaxed, here and below: a thread that gets a block from another thread has synchronised with it.
        entry.store(length, Ordering::Relaxed);
    } else if Shadow::<AtomicU8>::reaches(block) {
        IS_WHOLE.store(false, Ordering::Relaxed);
    }
}

/// Whether the table has every block that was handed out since it was opened. A block is missing if there was no memory
/// for its entry.
pub fn is_whole() -> bool {
    IS_WHOLE.load(Ordering::Relaxed)
}

/// Removes the entry of a block that is about to be freed.
#[inline]
pub fn taken_back(block: usize) {
    if let Some(entry) = BLOCKS.get(block) {
        entry.store(0, Ordering::Relaxed);
    }
}

/// The length of the block at `block`, rounded up to a word. `None` unless the block is short and passed the hook.
#[inline]
#[must_use]
pub fn short_length(block: usize) -> Option<usize> {
    let entry = BLOCKS.get(block)?.load(Ordering::Relaxed);
    (block.is_multiple_of(GRAIN) && entry != 0 && entry <= WORDS).then(|| usize::from(entry) * WORD)
}

/// Whether the block in use that starts at `block`, if there is one, has less than `bytes` bytes.
#[inline]
#[must_use]
pub fn is_shorter(block: usize, bytes: usize) -> bool {
    // Another address shares the entry of the block in its grain.
    block.is_multiple_of(GRAIN)
        && BLOCKS.get(block).is_some_and(|entry| {
            let entry = entry.load(Ordering::Relaxed);
            entry != 0 && entry != HELD_BACK && room_of(entry) < bytes
        })
}

/// The most bytes that the block at `block` can have: never too few, at most an eighth and 15 bytes too many. `None` if
/// no block in use starts there.
#[must_use]
pub fn room(block: usize) -> Option<usize> {
    let entry = BLOCKS.get(block)?.load(Ordering::Relaxed);
    (block.is_multiple_of(GRAIN) && entry != 0 && entry != HELD_BACK).then(|| room_of(entry))
}

/// Notes that a freed block is held back, until [`taken_back`].
pub fn hold_back(block: usize) {
    if let Some(entry) = BLOCKS.get(block) {
        entry.store(HELD_BACK, Ordering::Relaxed);
    }
}

/// Whether the block at `block` is held back.
#[must_use]
pub fn is_held_back(block: usize) -> bool {
    BLOCKS
        .get(block)
        .is_some_and(|entry| entry.load(Ordering::Relaxed) == HELD_BACK)
}

/// Calls `visit` with the start and the room of each block, in order of addresses.
#[inline]
pub fn visit(mut visit: impl FnMut(usize, usize)) {
    BLOCKS.visit(|block, entry: &AtomicU8| {
        let entry = entry.load(Ordering::Relaxed);
        if entry != HELD_BACK {
            visit(block, room_of(entry));
        }
        true
    });
}

#[inline]
fn length_mark(bytes: usize) -> u8 {
    if bytes <= SHORT {
        bytes.div_ceil(WORD).max(1) as u8
    } else {
        long_entry(bytes)
    }
}

fn adopted_mark(bytes: usize) -> u8 {
    if bytes <= SHORT {
        WORDS + bytes.div_ceil(GRAIN).max(1) as u8
    } else {
        long_entry(bytes)
    }
}

#[cold]
fn long_entry(bytes: usize) -> u8 {
    let grains = bytes.div_ceil(GRAIN);
    let doubling = grains.ilog2();
    let step = (grains >> (doubling - STEPS)) & 7;
    let entry = usize::from(GRAINS) + 1 + ((doubling - FIRST) << STEPS) as usize + step;
    u8::try_from(entry).map_or(LONGEST, |entry| entry.min(LONGEST))
}

/// The most bytes of a block with an entry. The table is made by the compiler.
#[inline]
fn room_of(entry: u8) -> usize {
    static ROOMS: [usize; 256] = {
        let (mut rooms, mut entry) = ([0; 256], 0);
        while entry < rooms.len() {
            rooms[entry] = most_of(entry as u8);
            entry += 1;
        }
        rooms
    };
    ROOMS[usize::from(entry)]
}

const fn most_of(entry: u8) -> usize {
    if entry <= WORDS {
        // Whole grains: a `datetime` without a zone requests 40 bytes, and its type's `tp_basicsize` is 48.
        (entry as usize * WORD).next_multiple_of(GRAIN)
    } else if entry <= GRAINS {
        (entry - WORDS) as usize * GRAIN
    } else if entry < LONGEST {
        let steps = entry - GRAINS - 1;
        let doubling = FIRST + (steps >> STEPS) as u32;
        ((9 + (steps & 7) as usize) << (doubling - STEPS)) * GRAIN
    } else {
        usize::MAX / GRAIN * GRAIN
    }
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
        for bytes in 0..=SHORT {
            let room = bytes.div_ceil(16).max(1) * 16;
            assert_eq!(
                [length_mark(bytes), adopted_mark(bytes)].map(room_of),
                [room; 2]
            );
        }
        assert_eq!(adopted_mark(SHORT + 1), length_mark(SHORT + 1));
    }

    #[test]
    fn the_length_of_a_short_block_is_known_if_it_passed_the_hook() {
        const BLOCK: usize = 0x5000_0000;
        assert!(open());
        for (bytes, length) in [(0, Some(8)), (9, Some(16)), (512, Some(512)), (513, None)] {
            given(BLOCK, bytes);
            assert_eq!(short_length(BLOCK), length, "{bytes}");
            assert!(room(BLOCK).expect("noted") >= bytes);
        }
        for bytes in [0, 8, 512, 513] {
            adopted(BLOCK, bytes);
            assert_eq!(short_length(BLOCK), None, "{bytes}");
            assert!(room(BLOCK).expect("noted") >= bytes);
        }
        given(BLOCK, 24);
        hold_back(BLOCK);
        assert_eq!(short_length(BLOCK), None);
        taken_back(BLOCK);
        assert_eq!(short_length(BLOCK), None);
    }
}
