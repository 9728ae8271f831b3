//! Memory that is no object and that no object holds, at one moment.
//!
//! While a check runs, every block of CPython's three domains is noted when it is handed out. A block is held if an
//! object contains an address in it, or if a held block does. Examples are the items of a list, the keys of a
//! dictionary, and memory that an extension's object points to. C code alone holds the other blocks, or nothing does.
//!
//! Of other memory in the C heap, only the total is known: the bytes in use without those of the noted blocks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};

use super::block_search::Search;
use super::heap_walk::HeapWalk;
use super::old_words;
use crate::audit::heap::host_hooks::{CHeap, host_hooks};
use crate::audit::heap::young::{self, Block, Domain, User};
use crate::host::c_heap;

/// The unheld memory at one moment.
#[derive(Clone, Debug, Default)]
pub struct Unheld {
    /// The blocks that nothing visibly holds, in order of addresses.
    pub blocks: Vec<Block>,
    /// The number of blocks of each domain and length, held or not.
    pub lengths: BTreeMap<(Domain, usize), isize>,
    /// Bytes in use in the C heap, without the noted blocks of CPython's domains. `None` if the heap can't be measured.
    pub c_heap: Option<isize>,
}

/// Nothing is noted.
const OFF: u8 = 0;
/// Blocks are noted.
const BLOCKS: u8 = 1;
/// The C heap can be measured.
const MEASURED: u8 = 2;
/// The blocks of the raw domain lie in the C heap.
const RAW_IN_HEAP: u8 = 4;
/// The long blocks of the other domains lie in the C heap.
const LONG_IN_HEAP: u8 = 8;
static STATE: AtomicU8 = AtomicU8::new(OFF);

/// Starts or stops noting the blocks of all domains; returns whether they were noted before.
///
/// # Safety
/// The host's lock is held.
pub unsafe fn switch(on: bool) -> bool {
    // Relaxed, in this file: the host's lock is held.
    let before = STATE.load(Ordering::Relaxed) != OFF;
    let Some(hooks) = host_hooks().filter(|_| before != on) else {
        return before;
    };
    if on {
        young::switch(User::Unheld, true);
        // SAFETY: the host's lock is held, as the caller promises. The hooks are set before the measurement.
        let c_heap = unsafe {
            (hooks.watch_domains)(true);
            (hooks.c_heap)()
        };
        let measured = c_heap.map_or(0, |CHeap { has_raw, has_long }| {
            MEASURED | (u8::from(has_raw) * RAW_IN_HEAP) | (u8::from(has_long) * LONG_IN_HEAP)
        });
        STATE.store(BLOCKS | measured, Ordering::Relaxed);
    } else {
        STATE.store(OFF, Ordering::Relaxed);
        // SAFETY: the host's lock is held, as the caller promises.
        unsafe { (hooks.watch_domains)(false) };
        old_words::forget();
        young::switch(User::Unheld, false);
    }
    before
}

/// Calls `found` with each noted block, in order of addresses. A block within another is noted twice: CPython's debug
/// hooks take a long block from the raw domain, and hand out the part behind their own words. Only that part is found.
/// Returns the bytes in use in the C heap without the noted blocks and without those that are `held_back`; `None` without
/// this number, or if the heap can't be measured.
pub(in crate::audit) fn visit(
    held_back: Option<usize>,
    mut found: impl FnMut(Block),
) -> Option<isize> {
    let state = STATE.load(Ordering::Relaxed);
    if state == OFF {
        return None;
    }
    let mut noted = held_back.filter(|_| state & MEASURED != 0);
    let used = noted.and_then(|_| {
        c_heap::settle();
        c_heap::in_use()
    });
    let mut last = None;
    young::visit(|block| {
        let is_in_heap = match block.domain {
            Domain::Raw => state & RAW_IN_HEAP != 0,
            Domain::Mem | Domain::Object => state & LONG_IN_HEAP != 0 && block.is_long,
        };
        if is_in_heap {
            noted = noted.and_then(|noted| Some(noted + c_heap::taken(block.start, block.bytes)?));
        }
        if let Some(last) = last.replace(block).filter(|last| !contains(last, &block)) {
            found(last);
        }
    });
    last.into_iter().for_each(found);
    used.zip(noted)
        .map(|(used, noted)| used as isize - noted as isize)
}

fn contains(outer: &Block, inner: &Block) -> bool {
    inner.start < outer.start + outer.bytes
}

impl Unheld {
    /// Finds the unheld blocks after a walk.
    ///
    /// # Safety
    /// The walk is done, and the host's lock is still held.
    pub(in crate::audit) unsafe fn look(walk: &HeapWalk, held_back: usize) -> Self {
        let mut all = Vec::new();
        let c_heap = visit(Some(held_back), |block| {
            // SAFETY: the walk is done and the host's lock is held, so no met object has died.
            if !unsafe { walk.has_object(block.start, block.bytes) } {
                all.push(block);
            }
        });
        let mut lengths = BTreeMap::new();
        for block in &all {
            *lengths.entry((block.domain, block.bytes)).or_default() += 1;
        }
        let mut search = Search::new(all);
        if !search.is_empty() {
            // SAFETY: the walk is done and the host's lock is held, so no met object has died.
            unsafe {
                search.ask(walk);
                search.follow();
                search.look_further(walk);
            }
        }
        Self {
            blocks: search.rest(),
            lengths,
            c_heap,
        }
    }
}
