//! Words that a head may hold: what a program stores into a count, or finds there.

use crate::flavour::Flavour;
use crate::library::Symbol;
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

/// Words of free-threaded objects: whose, `ob_ref_local` and `ob_ref_shared`.
const BIASED: [(Owner, usize, usize); 30] = {
    use Owner::{Gone, Me, Nobody};
    [
        (Me, 1, 0),
        (Me, 2, 0),
        (Me, 3, 4),
        (Me, 1, 1),
        (Me, 1, 2),
        (Me, 1, 0xD),
        (Me, 2, 0xFFFF_FFFF_FFFF_FFFC),
        (Me, 0xFFFF_FFFF, 0),
        (Me, 0xFFFF_FFFE, 0),
        (Me, 0x8000_0000, 0),
        (Me, 1, 0x5),
        (Me, 1, 0x8),
        (Nobody, 0, 7),
        (Nobody, 0, 0xB),
        (Nobody, 0xFFFF_FFFF, 0),
        (Nobody, 0, 0x27),
        (Nobody, 0, 3),
        (Gone, 1, 0),
        (Gone, 1, 1),
        (Gone, 2, 0),
        (Gone, 1, 4),
        (Gone, 1, 5),
        (Gone, 1, 8),
        (Gone, 0, 4),
        (Gone, 0xFFFF_FFFF, 0),
        (Gone, 0, 0xB),
        (Gone, 3, 0xFFFF_FFFF_FFFF_FFFC),
        (Gone, 1, 9),
        (Me, 0, 0),
        (Me, 0, 8),
    ]
};

/// Who owns a free-threaded object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner {
    Me,
    /// A thread that has ended.
    Gone,
    Nobody,
}

/// The id of a thread that there never was: no thread's own data is there.
const GONE: usize = 0x1008;

/// What stands in the words of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Image {
    Count(usize),
    Biased(Owner, usize, usize),
}

impl Image {
    pub(crate) fn store(self, side: &Side, op: usize) {
        match self {
            Self::Count(count) => store(op + side.flavour.words()[0].0, count),
            Self::Biased(owner, local, shared) => {
                store(
                    op,
                    match owner {
                        Owner::Me => me(),
                        Owner::Gone => GONE,
                        Owner::Nobody => 0,
                    },
                );
                store(op + 8, word(op + 8) & 0xFFFF_FFFF | local << 32);
                store(op + 16, shared);
            }
        }
    }
}

/// The calling thread, as free-threaded objects name it: `_Py_ThreadId`.
fn me() -> usize {
    // SAFETY: on the targets of this project a thread is named by its handle.
    unsafe { libc::pthread_self() as usize }
}

/// All words of the flavour's kind.
fn images(flavour: Flavour) -> Vec<Image> {
    if flavour.free_threaded {
        BIASED
            .iter()
            .map(|&(owner, local, shared)| Image::Biased(owner, local, shared))
            .collect()
    } else {
        COUNTS.iter().map(|&count| Image::Count(count)).collect()
    }
}

/// Whether a debug build ends the process where a reference to such an object is given back.
fn is_fatal_to_release(flavour: Flavour, image: Image) -> bool {
    match image {
        Image::Biased(Owner::Me, local, _) => local == 0,
        Image::Biased(Owner::Nobody, local, shared) => local == 0 && shared == 3,
        Image::Biased(Owner::Gone, ..) => false,
        Image::Count(count) => {
            let overflowed = flavour.minor >= 14 && (count as u32) > 0xFFEF_FFFF;
            count as isize <= 0 || overflowed
        }
    }
}

/// The words that a debug build doesn't let a reference be given back from. Up to 3.11 it looks after it has
/// subtracted: there the smallest number wraps around and passes.
pub(crate) fn fatal_to_release(flavour: Flavour) -> Vec<Image> {
    let wraps =
        |image: &Image| flavour.minor <= 11 && matches!(image, Image::Count(0x8000_0000_0000_0000));
    images(flavour)
        .into_iter()
        .filter(|image| is_fatal_to_release(flavour, *image) && !wraps(image))
        .collect()
}

/// The words of an object with one reference.
pub(crate) fn one(flavour: Flavour) -> Image {
    if flavour.free_threaded {
        Image::Biased(Owner::Me, 1, 0)
    } else {
        Image::Count(1)
    }
}

/// Words to call a function on, or `None` where the process would end, which is another test's.
pub(crate) fn image(flavour: Flavour, choice: u8, call: Call) -> Option<Image> {
    let all = images(flavour);
    let image = all[usize::from(choice) % all.len()];
    let checked = call.effect == Effect::Removes && (flavour.ref_debug || flavour.trace_refs);
    (!checked || !is_fatal_to_release(flavour, image)).then_some(image)
}

/// Stores a plain count, whatever is there.
pub(crate) fn store_count(side: &Side, op: usize, count: usize) {
    let image = if side.flavour.free_threaded {
        Image::Biased(Owner::Me, count, 0)
    } else {
        Image::Count(count)
    };
    image.store(side, op);
}

/// Whether there is one reference, and it is this thread's.
pub(crate) fn is_unique(side: &Side, op: usize) -> bool {
    if side.flavour.free_threaded {
        word(op) == me() && word(op + 8) >> 32 == 1 && word(op + 16) == 0
    } else {
        count_words(side, op)[0] == 1
    }
}

/// Whether an object waits for its owner, or may.
pub(crate) fn is_queued(side: &Side, op: usize) -> bool {
    side.flavour.free_threaded && word(op + 16) & 3 == 2
}

/// What the inline `Py_DECREF` of a free-threaded flavour does.
pub(crate) fn inline_release(side: &Side, op: usize) -> usize {
    let local = word(op + 8) >> 32;
    if local == 0xFFFF_FFFF {
        return 0;
    }
    let debug = side.flavour.ref_debug;
    if debug {
        side.call(Symbol::_Py_DECREF_DecRefTotal, &[]);
    }
    if word(op) == me() {
        let left = (local as u32).wrapping_sub(1) as usize;
        store(op + 8, word(op + 8) & 0xFFFF_FFFF | left << 32);
        if left == 0 {
            side.call(Symbol::_Py_MergeZeroLocalRefcount, &[op]);
        }
    } else if debug {
        side.call(
            Symbol::_Py_DecRefSharedDebug,
            &[op, c"inline".as_ptr() as usize, 1],
        );
    } else {
        side.call(Symbol::_Py_DecRefShared, &[op]);
    }
    0
}

/// The words that tell the count.
pub(crate) fn count_words(side: &Side, op: usize) -> [usize; 3] {
    let words = side.flavour.words();
    [0, 1, 2].map(|n| words.get(n).map_or(0, |(offset, _)| word(op + offset)))
}
