//! Numbers that show whether any object or any noted block has changed.

use crate::abi::PyObject;
use crate::audit::heap::young::Block;
use crate::audit::walk::recent::Kind;

/// The state of all objects, and of the memory that was handed out since the check began, at one moment.
///
/// Two moments with equal numbers differ only by chance, about once in 2^64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::audit) struct Fingerprint {
    /// The sum over all objects of a hash of type, count and, if it is held, address.
    sum: u64,
    /// The sum over the noted blocks of a hash of domain and length.
    blocks: u64,
    /// The number of over-releases of dead objects.
    pub(in crate::audit) after_death: isize,
}

impl Fingerprint {
    /// Adds an object. `place` is its address, or 0 if an object like it may take its place.
    ///
    /// # Safety
    /// `op` is an object with the type that `kind` describes.
    #[inline]
    pub(in crate::audit) unsafe fn add(
        &mut self,
        op: *mut PyObject,
        kind: &Kind,
        refcount: isize,
        place: usize,
    ) {
        let mut all = (place as u64)
            .wrapping_add((kind.ob_type as u64).wrapping_mul(OF_TYPE))
            .wrapping_add((refcount as u64).wrapping_mul(OF_COUNT));
        if kind.has_length {
            // SAFETY: the object has a word behind its head, as its type says.
            let length = unsafe { *op.byte_add(size_of::<PyObject>()).cast::<u64>() };
            all = all.wrapping_add(length.wrapping_mul(OF_LENGTH));
        }
        self.sum = self.sum.wrapping_add(mix(all));
    }

    /// Adds a noted block.
    pub(in crate::audit) fn add_block(&mut self, block: &Block) {
        let domain = (block.domain as u64 + 1).wrapping_mul(OF_TYPE);
        let hash = mix(domain.wrapping_add((block.bytes as u64).wrapping_mul(OF_LENGTH)));
        self.blocks = self.blocks.wrapping_add(hash);
    }
}

// Odd numbers with irregular bits: no small numbers of these add up to zero.
const OF_TYPE: u64 = 0x9e37_79b9_7f4a_7c15;
const OF_COUNT: u64 = 0xd1b5_4a32_d192_ed03;
const OF_LENGTH: u64 = 0xaef1_7502_108e_f2d9;

/// A hash of a word. Each bit of the word changes half of the bits, and no sum of hashes follows from the sum of the
/// words.
#[inline]
fn mix(word: u64) -> u64 {
    fold(fold(word, 0xbf58_476d_1ce4_e5b9), 0x94d0_49bb_1331_11eb)
}

/// Both halves of a product, as one word.
#[inline]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}
