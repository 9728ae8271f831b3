//! Memory that is older than the check, or that malloc handed out directly.
//!
//! No note exists for such a block. Only the headers that the allocators write say where it starts and how long it is.

use rustc_hash::{FxHashMap, FxHashSet};

use super::heap_walk::HeapWalk;
use super::types::PAIR;
use super::word::may_be_address;
use crate::abi::{FLAVOUR, PyObject};
use crate::audit::heap::blocks;
use crate::host::{AnyBits, Pages, c_heap};

/// CPython's `struct pool_header`.
#[derive(Clone, Copy)]
#[repr(C)]
struct PoolHeader {
    /// The number of blocks in use.
    count: u32,
    _padding: u32,
    freeblock: usize,
    nextpool: usize,
    prevpool: usize,
    arenaindex: u32,
    /// The size class of its blocks.
    szidx: u32,
    /// The offset of the first block that was never handed out.
    nextoffset: u32,
    /// The greatest offset of a block.
    maxnextoffset: u32,
}

// SAFETY: its fields are numbers.
unsafe impl AnyBits for PoolHeader {}

/// `POOL_SIZE`. Pools became larger together with the radix tree of arenas.
const POOL: usize = if FLAVOUR.has_large_pools() {
    1 << 14
} else {
    1 << 12
};
/// `POOL_OVERHEAD`.
const OVERHEAD: usize = size_of::<PoolHeader>();
/// `NB_SMALL_SIZE_CLASSES`.
const LENGTHS: u32 = 32;

/// Addresses that may lead to such memory, and the facts about them.
pub(in crate::audit) struct Older<'a> {
    walk: &'a HeapWalk,
    /// Addresses that are not yet looked at.
    words: Vec<usize>,
    looked_at: FxHashSet<usize>,
    /// Those of them that lie in pymalloc's pools or in the main heap of malloc, and there in no block in use.
    nowhere: FxHashSet<usize>,
    /// The blocks that `next` has returned.
    returned: FxHashSet<usize>,
    /// The block length of each pool; `None` if no pool is there.
    pools: FxHashMap<usize, Option<usize>>,
    /// Free blocks of those pools. Their words are old.
    free: FxHashSet<usize>,
}

impl<'a> Older<'a> {
    /// A search that has no addresses yet.
    ///
    /// # Safety
    /// The objects that `walk` has met are alive, as long as this value lives.
    pub(in crate::audit) unsafe fn new(walk: &'a HeapWalk) -> Self {
        Self {
            walk,
            words: Vec::new(),
            looked_at: FxHashSet::default(),
            nowhere: FxHashSet::default(),
            returned: FxHashSet::default(),
            pools: FxHashMap::default(),
            free: FxHashSet::default(),
        }
    }

    /// Handles a word that is no address in a noted block. The lowest bits of an address may be a tag.
    #[inline]
    pub(in crate::audit) fn word(&mut self, word: usize) {
        let at = without_tag(word);
        if may_be_address(at) && self.looked_at.insert(at) {
            self.words.push(at);
        }
    }

    /// The start and the length of the next block that one of the words leads to.
    pub(in crate::audit) fn next(&mut self, pages: &mut Pages) -> Option<(usize, usize)> {
        while let Some(word) = self.words.pop() {
            let memory = &self.walk.memory;
            if !memory.is_readable(word, PAIR)
                || memory.is_code(word)
                || memory.is_static(word, PAIR)
                // A block that is held back belongs to a dead object.
                || blocks::is_held_back(word)
                // The search asks an object itself what it holds. The collector's links lead to the words in front of
                // it.
                || self.is_object(word)
            {
                continue;
            }
            let place = self.place(word, pages);
            let Place::Block(start, length) = place else {
                if matches!(place, Place::Free) || c_heap::is_below_break(word) {
                    self.nowhere.insert(word);
                }
                continue;
            };
            if !self.is_object(start) && self.returned.insert(start) {
                return Some((start, length));
            }
        }
        None
    }

    /// Whether the word leads to memory of these allocators, but to no block in use.
    pub(in crate::audit) fn leads_nowhere(&self, word: usize) -> bool {
        self.nowhere.contains(&without_tag(word))
    }

    /// Whether an object is at this address, or starts there with the words in front of it.
    fn is_object(&self, at: usize) -> bool {
        self.walk.explained.has_seen(at as *mut PyObject)
            // SAFETY: no met object has died, as the caller of `new` promises.
            || unsafe { self.walk.has_object(at, usize::MAX) }
    }

    /// Where an address lies.
    fn place(&mut self, at: usize, pages: &mut Pages) -> Place {
        match self.in_pool(at, pages) {
            Place::Elsewhere => block_of_malloc(at, pages)
                .map_or(Place::Elsewhere, |(start, length)| {
                    Place::Block(start, length)
                }),
            place => place,
        }
    }

    /// Where an address lies in the pools of pymalloc.
    fn in_pool(&mut self, at: usize, pages: &mut Pages) -> Place {
        if FLAVOUR.free_threaded {
            // mimalloc has no pools, and no header that says how long a block is.
            return Place::Elsewhere;
        }
        let pool = at & !(POOL - 1);
        let free = &mut self.free;
        let pools = self.pools.entry(pool);
        let Some(length) = *pools.or_insert_with(|| block_length(pool, free, pages)) else {
            return Place::Elsewhere;
        };
        let Some(offset) = (at - pool).checked_sub(OVERHEAD) else {
            return Place::Free;
        };
        let start = at - offset % length;
        if free.contains(&start) {
            Place::Free
        } else {
            Place::Block(start, length)
        }
    }
}

/// Where an address lies.
enum Place {
    /// In a block in use, with this start and length.
    Block(usize, usize),
    /// In a pool, and in no block in use.
    Free,
    /// In neither a pool nor a block of malloc that is in use.
    Elsewhere,
}

fn without_tag(word: usize) -> usize {
    word & !7
}

/// The start and the usable length of malloc's block that contains an address in its first bytes. A program may align an
/// address in the block, or put words of its own in front of it, as CPython's debug hooks do.
fn block_of_malloc(at: usize, pages: &mut Pages) -> Option<(usize, usize)> {
    /// The greatest distance from the start, in pairs.
    const FURTHEST: usize = 8;
    let nearest = at & !(PAIR - 1);
    (0..=FURTHEST).find_map(|pairs| {
        let start = nearest.checked_sub(pairs * PAIR)?;
        let room = c_heap::room(start, pages)?;
        (room > at - start).then_some((start, room))
    })
}

/// The length of the blocks of a pool; `None` if no pool is there. Adds the pool's free blocks to `free`.
fn block_length(pool: usize, free: &mut FxHashSet<usize>, pages: &mut Pages) -> Option<usize> {
    let header = pages.read::<PoolHeader>(pool)?;
    let length = (header.szidx.min(LENGTHS) as usize + 1) * PAIR;
    let unused = header.nextoffset as usize;
    let is_pool = header.szidx < LENGTHS
        && header.maxnextoffset as usize == POOL - length
        && (OVERHEAD..=POOL).contains(&unused)
        && (1..=POOL / length).contains(&(header.count as usize));
    if !is_pool {
        return None;
    }
    free.extend(
        (unused..=POOL - length)
            .step_by(length)
            .map(|offset| pool + offset),
    );
    let mut block = header.freeblock;
    while (pool + OVERHEAD..pool + POOL).contains(&block) && free.insert(block) {
        block = pages.read(block)?;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C, align(16384))]
    struct Pool([u8; POOL]);

    /// The block length and the offsets of the free blocks that are found in a pool with this header.
    fn found(header: PoolHeader) -> (Option<usize>, Vec<usize>) {
        let mut memory = Box::new(Pool([0; POOL]));
        let pool = (&raw mut *memory) as usize;
        // SAFETY: the memory has room for a header, and its alignment.
        unsafe { (pool as *mut PoolHeader).write(header) };
        let mut free = FxHashSet::default();
        let length = block_length(pool, &mut free, &mut Pages::new());
        let mut offsets: Vec<usize> = free.iter().map(|block| block - pool).collect();
        offsets.sort_unstable();
        (length, offsets)
    }

    #[test]
    fn a_pool_shows_its_free_blocks() {
        const LENGTH: usize = LENGTHS as usize * PAIR;
        let last = POOL - LENGTH;
        let header = PoolHeader {
            count: 1,
            _padding: 0,
            freeblock: 0,
            nextpool: 0,
            prevpool: 0,
            arenaindex: 0,
            szidx: LENGTHS - 1,
            nextoffset: (last - LENGTH) as u32,
            maxnextoffset: last as u32,
        };
        assert_eq!(found(header), (Some(LENGTH), vec![last - LENGTH, last]));
        let nothing = (None, Vec::new());
        let other_length = PoolHeader { szidx: 0, ..header };
        let too_long = PoolHeader {
            szidx: LENGTHS,
            maxnextoffset: (last - PAIR) as u32,
            ..header
        };
        let empty = PoolHeader { count: 0, ..header };
        let full = PoolHeader {
            count: (POOL / LENGTH + 1) as u32,
            ..header
        };
        for header in [other_length, too_long, empty, full] {
            assert_eq!(found(header), nothing);
        }
    }
}
