//! The memory blocks that were handed out since a check began: the exact length and the domain of each.
//!
//! Threads allocate blocks of the raw domain without the host's lock. So each note is one atomic store.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};

use super::blocks::{self, SHORT};
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
    /// Its address.
    pub start: usize,
    /// The requested bytes.
    pub bytes: usize,
    /// The domain that handed it out.
    pub domain: Domain,
    /// The block came from malloc instead of pymalloc: it is longer than 512 bytes, or was before it shrank.
    pub is_long: bool,
}

/// For each block: its length, [`IS_LONG`], and, in the lowest bits, its domain plus one.
static SIZES: Shadow<AtomicU32> = Shadow::new();
/// One entry for each page in which a block has started.
static PAGES: Shadow = Shadow::new();
/// The first of those pages, so that a visit need not search the whole table.
static FIRST: [AtomicUsize; FEW] = [const { AtomicUsize::new(0) }; FEW];
/// The number of those pages.
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// One bit for each active [`User`].
static USERS: AtomicU8 = AtomicU8::new(0);

/// A part of the audit that needs the notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Zeroing of what a block gains. For short blocks it uses [`blocks::short_length`], so only long ones are noted.
    Zeroing = 1,
    /// The search for blocks that nothing holds.
    Unheld = 2,
}

const PAGE: usize = 4096;
/// More pages than the blocks of most checks lie in.
const FEW: usize = 1 << 13;
const DOMAIN_BITS: u32 = 2;
const IS_LONG: u32 = 1 << DOMAIN_BITS;
const LENGTH: u32 = DOMAIN_BITS + 1;
/// The entry of a block that was freed. The domain bits are zero, which no domain has. An entry of 0 means that no
/// block has started there since the check began.
const GIVEN_BACK: u32 = 1 << LENGTH;
/// The greatest length that fits; longer blocks get it too.
const LONGEST: usize = (1 << (32 - LENGTH)) - 1;

/// Whether blocks are noted now.
#[inline]
pub fn is_on() -> bool {
    // Relaxed, in this file: a block that another thread gets at this moment may be noted or not; both are right.
    USERS.load(Ordering::Relaxed) != 0
}

/// Whether short blocks are noted, too.
#[inline]
fn has_short() -> bool {
    USERS.load(Ordering::Relaxed) & User::Unheld as u8 != 0
}

/// Adds or removes a user. Without users, and before the search begins, all notes are dropped. Without memory, no
/// blocks are noted.
pub fn switch(user: User, on: bool) {
    let before = USERS.load(Ordering::Relaxed);
    let bit = user as u8;
    if on && SIZES.open() && PAGES.open() {
        if user == User::Unheld && !has_short() {
            clear();
        }
        USERS.store(before | bit, Ordering::Relaxed);
    } else if !on {
        USERS.store(before & !bit, Ordering::Relaxed);
        if before == bit {
            clear();
        }
    }
}

/// Forgets all blocks. A few pages are cleared one by one: new pages from the kernel would take longer.
fn clear() {
    if let Some(pages) = few_pages() {
        for page in pages {
            for size in SIZES.several(page, PAGE / GRAIN) {
                size.store(0, Ordering::Relaxed);
            }
            if let Some(entry) = PAGES.get(page_mark(page)) {
                entry.store(0, Ordering::Relaxed);
            }
        }
    } else {
        SIZES.clear();
        PAGES.clear();
    }
    COUNT.store(0, Ordering::Relaxed);
}

/// The pages in which blocks have started, in order; `None` if there are many.
fn few_pages() -> Option<Vec<usize>> {
    // Relaxed: another thread's latest pages may be missing, as its latest blocks may be.
    let pages = FIRST.get(..COUNT.load(Ordering::Relaxed))?.iter();
    let mut pages: Vec<usize> = pages.map(|page| page.load(Ordering::Relaxed)).collect();
    pages.sort_unstable();
    Some(pages)
}

/// Notes a page in which a block starts; false without memory.
fn note_page(page: usize) -> bool {
    let Some(entry) = PAGES.at(page_mark(page)) else {
        return false;
    };
    if entry.swap(1, Ordering::Relaxed) == 0 {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        if let Some(place) = FIRST.get(number) {
            place.store(page, Ordering::Relaxed);
        }
    }
    true
}

/// Notes a block that was handed out.
#[inline]
pub fn given(start: usize, bytes: usize, domain: Domain) {
    note(start, bytes, domain, bytes > SHORT);
}

/// Notes a block that was resized; `old` is the earlier note.
pub fn resized(old: Option<Block>, start: usize, bytes: usize, domain: Domain) {
    let was_long = old.is_some_and(|old| old.is_long);
    note(start, bytes, domain, was_long || bytes > SHORT);
}

#[inline]
fn note(start: usize, bytes: usize, domain: Domain, is_long: bool) {
    // An unaligned block may share its 16 bytes, and so its entry, with another block.
    if !(has_short() || bytes > SHORT && is_on()) || !start.is_multiple_of(GRAIN) {
        return;
    }
    if let Some(size) = SIZES.at(start) {
        let flag = if is_long { IS_LONG } else { 0 };
        let entry = (bytes.min(LONGEST) as u32) << LENGTH | flag | (domain as u32 + 1);
        // Most blocks reuse the place of a freed block, whose page has its entry already.
        if size.load(Ordering::Relaxed) == 0 && !note_page(start & !(PAGE - 1)) {
            return;
        }
        size.store(entry, Ordering::Relaxed);
    }
}

/// Returns the note of a block that is about to be freed, and notes that it is freed.
#[inline]
pub fn take(start: usize) -> Option<Block> {
    if !is_on() || !start.is_multiple_of(GRAIN) {
        return None;
    }
    if !has_short() && blocks::short_length(start).is_some() {
        return None;
    }
    let size = SIZES.get(start)?;
    let entry = size.load(Ordering::Relaxed);
    if entry != 0 {
        size.store(GIVEN_BACK, Ordering::Relaxed);
    }
    read(start, entry)
}

/// The block that starts at `start`, if it was handed out since the check began.
#[must_use]
pub fn find(start: usize) -> Option<Block> {
    let size = SIZES.get(start).filter(|_| start.is_multiple_of(GRAIN))?;
    read(start, size.load(Ordering::Relaxed))
}

/// Calls `visit` with each noted block, in order of addresses.
pub fn visit(mut visit: impl FnMut(Block)) {
    let mut visit_page = |page: usize| {
        let sizes = SIZES.several(page, PAGE / GRAIN).iter();
        for (start, size) in (page..).step_by(GRAIN).zip(sizes) {
            if let Some(block) = read(start, size.load(Ordering::Relaxed)) {
                visit(block);
            }
        }
    };
    if let Some(pages) = few_pages() {
        pages.into_iter().for_each(visit_page);
    } else {
        PAGES.visit(|entry: usize, _: &AtomicU8| {
            visit_page(entry / GRAIN * PAGE);
            true
        });
    }
}

fn page_mark(start: usize) -> usize {
    start / PAGE * GRAIN
}

fn read(start: usize, entry: u32) -> Option<Block> {
    let domain = match entry & ((1 << DOMAIN_BITS) - 1) {
        0 => return None,
        1 => Domain::Raw,
        2 => Domain::Mem,
        _ => Domain::Object,
    };
    Some(Block {
        start,
        bytes: (entry >> LENGTH) as usize,
        domain,
        is_long: entry & IS_LONG != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_known_to_the_byte_until_they_are_given_back() {
        switch(User::Unheld, true);
        assert!(is_on());
        let blocks = [
            (0x7000_0010, 1, Domain::Raw),
            (0x7000_0ff0, 24, Domain::Mem),
            (0x7f00_0000_0000, LONGEST, Domain::Object),
        ];
        for (start, bytes, domain) in blocks {
            given(start, bytes, domain);
        }
        given(0x7000_2008, 8, Domain::Raw);
        for bytes in [100, 50] {
            given(0x7000_3000, bytes, Domain::Raw);
            let mut in_page = 0;
            visit(|block| in_page += usize::from(block.start == 0x7000_3000));
            assert_eq!(in_page, 1);
            assert_eq!(take(0x7000_3000).map(|block| block.bytes), Some(bytes));
            assert!(take(0x7000_3000).is_none());
        }
        let mut seen = Vec::new();
        visit(|block| seen.push((block.start, block.bytes, block.domain)));
        assert_eq!(seen, blocks);
        let [short, _, long] = blocks.map(|(start, ..)| find(start));
        assert!(!short.expect("noted").is_long && long.expect("noted").is_long);
        resized(long, 0x7000_0ff0, 24, Domain::Mem);
        assert!(find(0x7000_0ff0).expect("noted").is_long);
        switch(User::Zeroing, true);
        switch(User::Unheld, false);
        assert!(is_on() && find(0x7000_0010).is_some());
        given(0x7000_4000, SHORT, Domain::Object);
        given(0x7000_5000, SHORT + 1, Domain::Object);
        assert!(find(0x7000_4000).is_none() && find(0x7000_5000).is_some());
        switch(User::Unheld, true);
        assert!(find(0x7000_5000).is_none(), "the search has begun anew");
        switch(User::Unheld, false);
        switch(User::Zeroing, false);
        visit(|block| panic!("{block:?} is forgotten"));
        assert!(find(0x7000_0010).is_none());
    }
}
