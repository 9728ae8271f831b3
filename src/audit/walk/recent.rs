//! The types and the other words that recognition has met last.

use crate::audit::holds::TypeInfo;

/// A type, by its index in `Types`.
pub(in crate::audit) type TypeId = u32;

/// What recognition and a look need of a type.
// A power of two in bytes: the place of one takes fewer instructions then.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(32))]
pub(in crate::audit) struct Kind {
    /// The address of the type.
    pub(in crate::audit) ob_type: usize,
    pub(in crate::audit) id: TypeId,
    /// As in [`TypeInfo`], in this and in the next fields.
    pub(in crate::audit) least_size: u32,
    pub(in crate::audit) pairs: u8,
    pub(in crate::audit) has_links: bool,
    pub(in crate::audit) has_length: bool,
    pub(in crate::audit) is_reused: bool,
}

/// A direct-mapped cache, by some bits of the words.
#[derive(Debug)]
pub(super) struct Recent {
    kinds: Box<[Kind; PLACES]>,
    /// Words that lead to no type. No code runs during a look, so they stay what they are.
    others: Box<[usize; PLACES]>,
}

const PLACES: usize = 1024;
/// Words with the same multiple of so many bytes have the same place.
const GRAIN: usize = 16;
const OF_NEXT_PLACE: usize = GRAIN;

impl Kind {
    pub(super) fn new(id: TypeId, info: &TypeInfo) -> Self {
        Self {
            ob_type: info.ob_type as usize,
            id,
            // No block is longer than the greatest number.
            least_size: u32::try_from(info.least_size).unwrap_or(u32::MAX),
            pairs: info.pairs,
            has_links: info.has_links,
            has_length: info.has_length,
            is_reused: info.is_reused,
        }
    }
}

impl Recent {
    pub(super) fn new() -> Self {
        let mut kinds = Box::new([Kind::default(); PLACES]);
        // An unused place has a word that belongs to another place. So 0 is no type, though most places have it.
        kinds[place(0)].ob_type = OF_NEXT_PLACE;
        Self {
            kinds,
            others: Box::new([0; PLACES]),
        }
    }

    /// Whether the type at the address `word` was met lately.
    #[inline(always)]
    pub(super) fn has(&self, word: usize) -> bool {
        self.kind(word).ob_type == word
    }

    /// The type at the address `word`, if [`Recent::has`] is true of it.
    #[inline(always)]
    pub(super) fn kind(&self, word: usize) -> &Kind {
        &self.kinds[place(word)]
    }

    /// Whether it was found lately that `word` leads to no type.
    #[inline]
    pub(super) fn is_other(&self, word: usize) -> bool {
        self.others[place(word)] == word
    }

    pub(super) fn keep(&mut self, word: usize, kind: Option<Kind>) {
        match kind {
            Some(kind) => self.kinds[place(word)] = kind,
            None => self.others[place(word)] = word,
        }
    }
}

#[inline(always)]
fn place(word: usize) -> usize {
    word / GRAIN % PLACES
}
