//! The memory blocks that were handed out since a check began: how long each is, to the byte, and of which domain.
//!
//! Blocks of the raw domain come and go in any thread, without the host's lock: a mark is one store.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use crate::watch::shadow::{GRAIN, Shadow};

/// CPython's `PyMemAllocatorDomain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Domain {
    /// `PyMem_RawMalloc`.
    Raw = 0,
    /// `PyMem_Malloc`.
    Mem = 1,
    /// `PyObject_Malloc`.
    Object = 2,
}

/// A block that is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block {
    /// Where it starts.
    pub start: usize,
    /// Bytes that were asked for.
    pub bytes: usize,
    /// Where they were asked for.
    pub domain: Domain,
}

/// The length and, in the lowest bits, the domain and one.
static SIZES: Shadow<AtomicU32> = Shadow::new();
/// One mark for each page in which a block has started.
static PAGES: Shadow = Shadow::new();
static IS_ON: AtomicBool = AtomicBool::new(false);

const PAGE: usize = 4096;
const DOMAIN_BITS: u32 = 2;
/// Longer blocks are as long as this.
const LONGEST: usize = (1 << (32 - DOMAIN_BITS)) - 1;

/// Whether blocks are noted.
#[inline]
pub fn is_on() -> bool {
    // Relaxed, here and below: a block that another thread is handed at this moment may be noted or not.
    IS_ON.load(Ordering::Relaxed)
}

/// Notes blocks from now on, or forgets all; returns whether they were noted. False where there is no memory.
pub fn switch(on: bool) -> bool {
    let before = is_on();
    if before == on || on && !(SIZES.open() && PAGES.open()) {
        return before;
    }
    IS_ON.store(on, Ordering::Relaxed);
    if !on {
        SIZES.clear();
        PAGES.clear();
    }
    before
}

/// A block was handed out.
#[inline]
pub fn given(start: usize, bytes: usize, domain: Domain) {
    // Two blocks of less may lie in the place of one mark.
    if !is_on() || !start.is_multiple_of(GRAIN) {
        return;
    }
    if let (Some(size), Some(page)) = (SIZES.at(start), PAGES.at(page_mark(start))) {
        let mark = (bytes.min(LONGEST) as u32) << DOMAIN_BITS | (domain as u32 + 1);
        size.store(mark, Ordering::Relaxed);
        if page.load(Ordering::Relaxed) == 0 {
            page.store(1, Ordering::Relaxed);
        }
    }
}

/// A block is about to be given back.
#[inline]
pub fn taken_back(start: usize) {
    if is_on()
        && start.is_multiple_of(GRAIN)
        && let Some(size) = SIZES.get(start)
    {
        size.store(0, Ordering::Relaxed);
    }
}

/// The same; returns the block as it was noted.
pub fn take(start: usize) -> Option<Block> {
    let block = find(start);
    taken_back(start);
    block
}

/// The block that starts there, if it was handed out since the check began.
#[must_use]
pub fn find(start: usize) -> Option<Block> {
    let size = SIZES.get(start).filter(|_| start.is_multiple_of(GRAIN))?;
    read(start, size.load(Ordering::Relaxed))
}

/// Calls `visit` with each block, in order of addresses.
pub fn visit(mut visit: impl FnMut(Block)) {
    PAGES.visit(|mark: usize, _: &AtomicU8| {
        let page = mark / GRAIN * PAGE;
        (page..page + PAGE)
            .step_by(GRAIN)
            .filter_map(find)
            .for_each(&mut visit);
        true
    });
}

fn page_mark(start: usize) -> usize {
    start / PAGE * GRAIN
}

fn read(start: usize, mark: u32) -> Option<Block> {
    let domain = match mark & ((1 << DOMAIN_BITS) - 1) {
        0 => return None,
        1 => Domain::Raw,
        2 => Domain::Mem,
        _ => Domain::Object,
    };
    Some(Block {
        start,
        bytes: (mark >> DOMAIN_BITS) as usize,
        domain,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_known_to_the_byte_until_they_are_given_back() {
        assert!(!switch(true));
        let blocks = [
            (0x7000_0010, 1, Domain::Raw),
            (0x7000_0ff0, 24, Domain::Mem),
            (0x7f00_0000_0000, LONGEST, Domain::Object),
        ];
        for (start, bytes, domain) in blocks {
            given(start, bytes, domain);
        }
        given(0x7000_2008, 8, Domain::Raw);
        given(0x7000_3000, 100, Domain::Raw);
        taken_back(0x7000_3000);
        let mut seen = Vec::new();
        visit(|block| seen.push((block.start, block.bytes, block.domain)));
        assert_eq!(seen, blocks);
        assert!(switch(false));
        visit(|block| panic!("{block:?} is forgotten"));
        assert!(find(0x7000_0010).is_none());
    }
}
