//! Words that a head may hold: what a program stores into a count, or finds there.

use crate::flavour::Flavour;
use crate::memory::{store, word};
use crate::operation::{Call, Effect};
use crate::side::Side;

/// Words of a count, of which some versions make immortal, nearly overflowing or negative ones.
const COUNTS: [usize; 24] = [
    1,
    2,
    3,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    0xC000_0000,
    0x5_0000_C000_0000,
    0x8000_0000,
    0xBFFF_FFFF,
    0xFFEF_FFFF,
    0xFFFF_FFFE,
    0x8000_0001,
    0x1_0000_0000,
    0x1_0000_0001,
    0x1_FFFF_FFFF,
    0x1_0000_8000_0000,
    0x1_C000_0000,
    0x7FFF_FFFF_FFFF_FFFF,
    0x4_0000_0000_0001,
    0,
    0x8000_0000_0000_0000,
    0xFFFF_FFFF_FFFF_FFFF,
    0xFFFF_FFFF_FFFF_FFFB,
    0xDDDD_DDDD_DDDD_DDDD,
];

/// What memory may hold before an object is born there.
pub(crate) fn stale(choice: u8) -> usize {
    COUNTS[(usize::from(choice) + COUNTS.len() - 5) % COUNTS.len()]
}

/// The words of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Image(usize);

impl Image {
    pub(crate) fn store(self, side: &Side, op: usize) {
        store(op + side.flavour.words()[0].0, self.0);
    }
}

/// Words to call a function on, or `None` where the process would end, which is another test's.
pub(crate) fn image(flavour: Flavour, choice: u8, call: Call) -> Option<Image> {
    let count = COUNTS[usize::from(choice) % COUNTS.len()];
    let checks = flavour.ref_debug || flavour.trace_refs;
    if call.effect == Effect::Removes && checks {
        let nothing = count as isize <= 0;
        let overflowed = flavour.minor >= 14 && (count as u32) > 0xFFEF_FFFF;
        if nothing || overflowed {
            return None;
        }
    }
    Some(Image(count))
}

/// Stores a plain count, whatever is there.
pub(crate) fn store_count(side: &Side, op: usize, count: usize) {
    store(op + side.flavour.words()[0].0, count);
}

/// The words that tell the count.
pub(crate) fn count_words(side: &Side, op: usize) -> [usize; 3] {
    let words = side.flavour.words();
    [0, 1, 2].map(|n| words.get(n).map_or(0, |(offset, _)| word(op + offset)))
}
