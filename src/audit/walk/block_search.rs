//! Finds the memory blocks that objects hold, and the blocks that those blocks hold, by the addresses in their memory.

use std::ffi::CStr;

use super::heap_walk::HeapWalk;
use super::old_words::OldWords;
use super::older::Older;
use super::owners::may_own_memory;
use super::text;
use super::types::PAIR;
use super::types::size_of_instance;
use crate::abi::{PyTypeObject, TypeFlags};
use crate::audit::heap::blocks;
use crate::audit::heap::builtin::builtin;
use crate::audit::heap::young::{self, Block, Domain};
use crate::audit::holds::TypeInfo;
use crate::host::Pages;

/// The most bytes of a block, or of an object, to look at.
const LONGEST: usize = 1 << 28;
/// The most bytes of an integer or a bytes object to look at.
const LONGEST_NUMBER: usize = 1 << 10;

/// Which part of an instance may hold the addresses of blocks.
#[derive(Clone, Copy)]
enum Fields {
    /// None: the instance holds only objects and numbers.
    Nothing,
    /// The first bytes, up to this number.
    Some(usize),
    /// The fields of a string, in the first bytes up to this number.
    Text(usize),
    /// All bytes, up to this number.
    All(usize),
}

/// CPython's types whose instances hold no blocks.
const HOLD_NONE: [&[u8]; 19] = [
    b"int",
    b"float",
    b"bytes",
    b"tuple",
    b"bool",
    b"complex",
    b"function",
    b"cell",
    b"method",
    b"builtin_function_or_method",
    b"wrapper_descriptor",
    b"method_descriptor",
    b"getset_descriptor",
    b"member_descriptor",
    b"property",
    // Their stacks keep old words.
    b"frame",
    b"generator",
    b"coroutine",
    b"async_generator",
];

/// CPython types whose instances hold linked nodes. A new node may hang behind nodes that are older than the check.
/// Other types of CPython lead to their blocks directly, and some of those blocks are full of old addresses. Code has a
/// table for `sys.monitoring` with more tables behind it.
const HOLD_NODES: [&[u8]; 5] = [
    b"code",
    b"collections.OrderedDict",
    b"_lsprof.Profiler",
    b"pyexpat.xmlparser",
    b"xml.etree.ElementTree.Element",
];

/// Whether instances may lead to blocks through memory that was not noted.
///
/// # Safety
/// `ob_type` is a type.
unsafe fn may_lead_further(mut ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: `ob_type` is a type.
    if unsafe { may_own_memory(ob_type) } {
        return true;
    }
    while !ob_type.is_null() {
        // SAFETY: a base of a type is a type, and its name is a string.
        unsafe {
            let name = (*ob_type).tp_name;
            if !name.is_null() && HOLD_NODES.contains(&CStr::from_ptr(name).to_bytes()) {
                return true;
            }
            ob_type = (*ob_type).tp_base;
        }
    }
    false
}

impl Fields {
    /// The part of an instance to search.
    ///
    /// # Safety
    /// `info` describes a type that is alive.
    unsafe fn of(info: &TypeInfo) -> Self {
        // SAFETY: the type is alive, and its name is a string or NULL.
        unsafe {
            let ob_type = info.ob_type;
            let flags = TypeFlags((*ob_type).tp_flags);
            let name = (*ob_type).tp_name;
            let holds_none = || HOLD_NONE.contains(&CStr::from_ptr(name).to_bytes());
            if ob_type as usize == builtin().PyUnicode_Type {
                Self::Text((*ob_type).tp_basicsize.unsigned_abs())
            } else if builtin().is_own(ob_type as usize) && !name.is_null() && holds_none() {
                Self::Nothing
            } else if (*ob_type).tp_itemsize == 0 && !may_own_memory(ob_type) {
                Self::Some((*ob_type).tp_basicsize.unsigned_abs())
            } else if flags.is_integer() || flags.is_bytes() {
                Self::All(LONGEST_NUMBER)
            } else {
                Self::All(LONGEST)
            }
        }
    }
}

/// The blocks, and which of them are held.
pub(in crate::audit) struct Search<'a> {
    all: Vec<Block>,
    held: Vec<bool>,
    /// Held blocks whose memory is still to be searched.
    found: Vec<usize>,
    /// One bit for each page with a block. Pages with equal lowest bits of their number share a bit.
    pages: Vec<u64>,
    /// Memory that was not noted and may lead to blocks; `None` before that is followed.
    older: Option<Older<'a>>,
    /// The words that were met while such memory was followed.
    words: OldWords,
    /// Copies of memory that another thread may free meanwhile.
    copies: Pages,
}

const PAGE_BITS: u32 = 12;
const PAGE: usize = 1 << PAGE_BITS;
const PAGES: usize = 1 << 16;

impl<'a> Search<'a> {
    pub(in crate::audit) fn new(all: Vec<Block>) -> Self {
        let mut pages = vec![0_u64; PAGES / 64];
        for block in &all {
            let last = block.start + block.bytes;
            for page in (block.start >> PAGE_BITS..=last >> PAGE_BITS).take(PAGES) {
                pages[page % PAGES / 64] |= 1 << (page % 64);
            }
        }
        Self {
            held: vec![false; all.len()],
            found: Vec::new(),
            all,
            pages,
            older: None,
            words: OldWords::default(),
            copies: Pages::new(),
        }
    }

    pub(in crate::audit) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Handles the word at `place`. It may be the address of a block, or of a place in a block.
    #[inline]
    fn word(&mut self, place: usize, word: usize) {
        let page = word >> PAGE_BITS;
        let may_be_noted = self.pages[page % PAGES / 64] & 1 << (page % 64) != 0;
        if (!may_be_noted || !self.is_noted(place, word))
            && let Some(older) = &mut self.older
        {
            self.words.add(place, word);
            older.word(word);
        }
    }

    /// Whether the word is an address in a noted block. Marks that block as held, unless the word is there by
    /// chance, or is older than the block.
    fn is_noted(&mut self, place: usize, word: usize) -> bool {
        let behind = self.all.partition_point(|block| block.start <= word);
        let Some(at) = behind.checked_sub(1) else {
            return false;
        };
        let block = self.all[at];
        if word >= block.start + block.bytes.max(1) {
            return false;
        }
        // Text and padding may look like an address. An address that is no multiple of 8 is taken for a tagged start, or
        // for what 3.12 keeps of an instance's values: their address minus one.
        let is_chance = !matches!(word % 8, 0 | 7) && word & !7 != block.start;
        if is_chance || self.older.is_some() && self.words.is_old(place, word) {
            return true;
        }
        if !std::mem::replace(&mut self.held[at], true) {
            self.found.push(at);
        }
        true
    }

    /// Handles each word of a range.
    ///
    /// # Safety
    /// `bytes` bytes from `start` on can be read, and `start` is aligned.
    unsafe fn words(&mut self, start: usize, bytes: usize) {
        for at in (start..start + (bytes.min(LONGEST) & !7)).step_by(8) {
            // SAFETY: the word lies in the range, which can be read and is aligned.
            self.word(at, unsafe { *(at as *const usize) });
        }
    }

    /// Looks for the blocks that objects hold.
    ///
    /// # Safety
    /// The objects that `walk` has met are alive.
    pub(in crate::audit) unsafe fn ask(&mut self, walk: &HeapWalk) {
        let goes_further = self.older.is_some();
        // SAFETY: a met object and its type are alive.
        let kinds = walk.types.all().iter().map(|info| unsafe {
            if goes_further && !may_lead_further(info.ob_type) {
                Fields::Nothing
            } else {
                Fields::of(info)
            }
        });
        let kinds: Vec<Fields> = kinds.collect();
        for seen in &walk.seen {
            let front = usize::from(walk.info(*seen).pairs) * PAIR;
            let start = seen.op as usize - front;
            let size = match kinds[seen.ob_type as usize] {
                Fields::Nothing => continue,
                Fields::Some(size) => size,
                // SAFETY: a met object is alive and has its type.
                Fields::Text(size) => unsafe { text::fields(seen.op, size) },
                Fields::All(most) => {
                    let size = young::find(start).map(|block| block.bytes.saturating_sub(front));
                    // SAFETY: a met object is alive and has its type.
                    let by_type = || unsafe { size_of_instance(seen.op, walk.info(*seen).ob_type) };
                    size.unwrap_or_else(by_type).min(most)
                }
            };
            let (room, size) = (blocks::room(start), front + size);
            let has_room = room.is_some_and(|room| size <= room) && size < PAGE;
            let size = room.map_or(size, |room| size.min(room));
            if has_room || walk.memory.is_readable(start, size) {
                // SAFETY: all bytes lie in a block in use, or `memory` says that they can be read. Objects are aligned.
                unsafe { self.words(start, size) };
            }
        }
    }

    /// Looks for the blocks that held blocks lead to, until no more are found.
    ///
    /// # Safety
    /// The blocks are in use, and the host's lock is held.
    pub(in crate::audit) unsafe fn follow(&mut self) {
        loop {
            if let Some(at) = self.found.pop() {
                let block = self.all[at];
                if block.domain == Domain::Raw {
                    self.copied_words(block.start, block.bytes);
                } else {
                    // SAFETY: the block is in use and aligned. The host's lock is held, so no thread frees a block of
                    // this domain meanwhile.
                    unsafe { self.words(block.start, block.bytes) };
                }
            } else if let Some((start, bytes)) = self.next_older() {
                self.copied_words(start, bytes);
            } else {
                return;
            }
        }
    }

    fn next_older(&mut self) -> Option<(usize, usize)> {
        self.older.as_mut()?.next(&mut self.copies)
    }

    /// As [`Search::words`], for memory that another thread may free meanwhile.
    fn copied_words(&mut self, start: usize, bytes: usize) {
        const WORD: usize = size_of::<usize>();
        /// The words that are copied at once.
        const SOME: usize = 1 << 12;
        let mut words = vec![0; SOME.min(bytes.min(LONGEST) / WORD)];
        let end = start + (bytes.min(LONGEST) & !(WORD - 1));
        for part in (start..end).step_by(SOME * WORD) {
            let wanted = SOME.min((end - part) / WORD);
            let read = self.copies.read_words(part, &mut words[..wanted]);
            for (at, &word) in words[..read].iter().enumerate() {
                self.word(part + at * WORD, word);
            }
        }
    }

    /// If some blocks are not held yet, searches also through memory that was not noted.
    ///
    /// # Safety
    /// The objects that `walk` has met are alive, as long as the search lives. Also as [`Search::follow`].
    pub(in crate::audit) unsafe fn look_further(&mut self, walk: &'a HeapWalk) {
        if self.held.iter().all(|&is_held| is_held) {
            return;
        }
        // SAFETY: the caller's promise is the callee's.
        self.older = Some(unsafe { Older::new(walk) });
        self.words = OldWords::of_last_search();
        let held = self.held.iter().enumerate();
        self.found = held
            .filter_map(|(at, &is_held)| is_held.then_some(at))
            .collect();
        // SAFETY: the met objects are alive, the blocks are in use, and the host's lock is held, as the caller
        // promises.
        unsafe {
            self.ask(walk);
            self.follow();
        }
        let older = self.older.as_ref();
        self.words
            .keep(|word| older.is_some_and(|older| older.leads_nowhere(word)));
    }

    /// The blocks that nothing holds.
    pub(in crate::audit) fn rest(self) -> Vec<Block> {
        let both = self.all.into_iter().zip(self.held);
        both.filter_map(|(block, is_held)| (!is_held).then_some(block))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_a_held_block_holds_is_held() {
        let memory = [[0_usize; 4]; 5].map(Box::new);
        let place = |at: usize| &raw const *memory[at] as usize;
        let mut blocks: Vec<Block> = (0..5)
            .map(|at| Block {
                start: place(at),
                bytes: 32,
                domain: if at == 1 { Domain::Raw } else { Domain::Mem },
                is_long: false,
            })
            .collect();
        blocks.sort();
        // SAFETY: the memory lives to the end of the function, and the words lie in it.
        unsafe {
            // Block 0 points into the middle of block 1, and block 1 points to block 2, with a tag. Block 3 points only to
            // itself. A number in block 1 looks like an address in block 4.
            *(place(0) as *mut usize).add(3) = place(1) + 16;
            *(place(1) as *mut usize) = place(2) + 1;
            *(place(1) as *mut usize).add(1) = place(4) + 17;
            *(place(3) as *mut usize) = place(3);
        }
        let mut search = Search::new(blocks);
        search.word(0, place(0));
        search.word(0, place(2) + 32);
        // SAFETY: the memory lives to the end of the function. A test has no host.
        unsafe { search.follow() };
        let mut rest: Vec<usize> = search.rest().iter().map(|block| block.start).collect();
        rest.retain(|&start| start != place(2) + 32);
        let mut wanted = vec![place(3), place(4)];
        wanted.sort_unstable();
        wanted.retain(|&start| start != place(2) + 32);
        assert_eq!(rest, wanted);
    }
}
