//! Unusual words that an object's head may hold.

use crate::flavour::Flavour;
use crate::library::Symbol;
use crate::memory::{store, word};
use crate::operation::{Call, Effect};
use crate::side::Side;

/// Words of a count. In some versions some of them are immortal, almost overflowing or negative.
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

/// The old contents of memory in which an object is born.
pub(crate) fn stale(choice: u8) -> usize {
    COUNTS[(usize::from(choice) + COUNTS.len() - 5) % COUNTS.len()]
}

/// Words of free-threaded objects: the owner, `ob_ref_local` and `ob_ref_shared`.
const BIASED: [(Owner, usize, usize); 30] = {
    use Owner::{Gone, Me, Unowned};
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
        (Unowned, 0, 7),
        (Unowned, 0, 0xB),
        (Unowned, 0xFFFF_FFFF, 0),
        (Unowned, 0, 0x27),
        (Unowned, 0, 3),
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

/// The owner of a free-threaded object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner {
    Me,
    /// A thread that has ended.
    Gone,
    Unowned,
}

/// An id that no thread ever has: an id is the address of a thread's data, and there is none at this one.
const GONE: usize = 0x1008;

/// The contents of the words of a head.
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
                        Owner::Unowned => 0,
                    },
                );
                store(op + 8, word(op + 8) & 0xFFFF_FFFF | local << 32);
                store(op + 16, shared);
            }
        }
    }
}

/// The calling thread's id, as `_Py_ThreadId` returns it.
fn me() -> usize {
    // SAFETY: pthread_self takes nothing. On this project's targets its result is the thread pointer, CPython's id.
    unsafe { libc::pthread_self() as usize }
}

/// All words for the flavour's kind of count.
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

/// Whether a debug build ends the process at the release of a reference to an object with these words.
fn is_fatal_to_release(flavour: Flavour, image: Image) -> bool {
    match image {
        Image::Biased(Owner::Me, local, _) => local == 0,
        Image::Biased(Owner::Unowned, local, shared) => local == 0 && shared == 3,
        Image::Biased(Owner::Gone, ..) => false,
        Image::Count(count) => {
            let overflowed = flavour.minor >= 14 && (count as u32) > 0xFFEF_FFFF;
            count as isize <= 0 || overflowed
        }
    }
}

/// The words from which a release ends the process in a debug build. Up to 3.11 the check comes after the
/// subtraction, so the smallest number wraps around and passes.
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

/// The words for a call, or `None` if the call would end the process, which `fatal.rs` tests.
pub(crate) fn image(flavour: Flavour, choice: u8, call: Call) -> Option<Image> {
    let all = images(flavour);
    let image = all[usize::from(choice) % all.len()];
    let checked = call.effect == Effect::Removes && (flavour.ref_debug || flavour.trace_refs);
    (!checked || !is_fatal_to_release(flavour, image)).then_some(image)
}

/// Stores a plain count over any words.
pub(crate) fn store_count(side: &Side, op: usize, count: usize) {
    let image = if side.flavour.free_threaded {
        Image::Biased(Owner::Me, count, 0)
    } else {
        Image::Count(count)
    };
    image.store(side, op);
}

/// Whether the object has one reference, and this thread owns the object.
pub(crate) fn is_unique(side: &Side, op: usize) -> bool {
    if side.flavour.free_threaded {
        word(op) == me() && word(op + 8) >> 32 == 1 && word(op + 16) == 0
    } else {
        count_words(side, op)[0] == 1
    }
}

/// Whether an object's flags say that it is queued for a merge by its owner.
pub(crate) fn is_queued(side: &Side, op: usize) -> bool {
    side.flavour.free_threaded && word(op + 16) & 3 == 2
}

/// Does what the inline `Py_DECREF` of a free-threaded flavour does.
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

/// The words of the count.
pub(crate) fn count_words(side: &Side, op: usize) -> [usize; 3] {
    let words = side.flavour.words();
    [0, 1, 2].map(|n| words.get(n).map_or(0, |(offset, _)| word(op + offset)))
}
