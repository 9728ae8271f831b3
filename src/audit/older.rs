//! Memory that is older than a check, or malloc's own: how far it reaches from an address that was read somewhere.
//!
//! What was handed out before blocks were noted is known by what the allocators write beside it alone.

use rustc_hash::{FxHashMap, FxHashSet};

use super::blocks;
use super::pass::Pass;
use super::recognise::PAIR;
use super::words::may_be_address;
use crate::abi::{FLAVOUR, PyObject};
use crate::host::{self, c_heap};

/// CPython's `struct pool_header`.
#[derive(Clone, Copy)]
#[repr(C)]
struct PoolHeader {
    /// Blocks in use.
    count: u32,
    _padding: u32,
    freeblock: usize,
    nextpool: usize,
    prevpool: usize,
    arenaindex: u32,
    /// Which length its blocks have.
    szidx: u32,
    /// Where the next block lies that was never handed out.
    nextoffset: u32,
    /// The greatest offset that a block can have.
    maxnextoffset: u32,
}

/// `POOL_SIZE`: larger pools came with the tree that finds them.
const POOL: usize = if FLAVOUR.has_large_pools() {
    1 << 14
} else {
    1 << 12
};
/// `POOL_OVERHEAD`.
const OVERHEAD: usize = size_of::<PoolHeader>();
/// `NB_SMALL_SIZE_CLASSES`.
const LENGTHS: u32 = 32;

/// Addresses that may lead to such memory, and what was found out about them.
pub(super) struct Older<'a> {
    pass: &'a Pass,
    /// Those that have yet to be looked at.
    words: Vec<usize>,
    looked_at: FxHashSet<usize>,
    /// How long the blocks of a pool are, if there is a pool.
    pools: FxHashMap<usize, Option<usize>>,
    /// The blocks of those pools that were given back: their words are from before.
    free: FxHashSet<usize>,
}

impl<'a> Older<'a> {
    /// # Safety
    /// Nothing ends what the walk has met as long as this lives.
    pub(super) unsafe fn new(pass: &'a Pass) -> Self {
        Self {
            pass,
            words: Vec::new(),
            looked_at: FxHashSet::default(),
            pools: FxHashMap::default(),
            free: FxHashSet::default(),
        }
    }

    /// A word that leads to no block that was noted.
    #[inline]
    pub(super) fn word(&mut self, word: usize) {
        if word.is_multiple_of(PAIR) && may_be_address(word) && self.looked_at.insert(word) {
            self.words.push(word);
        }
    }

    /// The next place that lies in a block, and the bytes from there to its end.
    pub(super) fn next(&mut self) -> Option<(usize, usize)> {
        while let Some(word) = self.words.pop() {
            let memory = &self.pass.memory;
            if memory.is_readable(word, PAIR)
                && !memory.is_code(word)
                && !memory.is_static(word, PAIR)
                // What is held back is dead.
                && !blocks::is_held_back(word)
                // What an object holds is asked of the object. The collector's links lead to the words in front of it.
                && !self.pass.ledger.has_seen(word as *mut PyObject)
                // SAFETY: the promise of `new`.
                && !unsafe { self.pass.has_object(word, usize::MAX) }
                && let Some(room) = self.room(word)
            {
                return Some((word, room));
            }
        }
        None
    }

    /// Bytes from there to the end of the block.
    fn room(&mut self, at: usize) -> Option<usize> {
        // Debug hooks put two words in front of each block.
        let of_malloc = || c_heap::room(at).or_else(|| c_heap::room(at - PAIR)?.checked_sub(PAIR));
        self.room_in_pool(at).or_else(of_malloc)
    }

    /// The same in a pool of CPython's own allocator.
    fn room_in_pool(&mut self, at: usize) -> Option<usize> {
        if FLAVOUR.free_threaded {
            // mimalloc has no pools, and writes nothing beside a block that says how long it is.
            return None;
        }
        let pool = at & !(POOL - 1);
        let free = &mut self.free;
        let pools = self.pools.entry(pool);
        let length = (*pools.or_insert_with(|| block_length(pool, free)))?;
        let part = (at - pool).checked_sub(OVERHEAD)? % length;
        (!free.contains(&(at - part))).then_some(length - part)
    }
}

/// How long the blocks of the pool are, if there is one; those that are not in use are added to `free`.
fn block_length(pool: usize, free: &mut FxHashSet<usize>) -> Option<usize> {
    let header = host::read::<PoolHeader>(pool)?;
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
        block = host::read(block)?;
    }
    Some(length)
}
