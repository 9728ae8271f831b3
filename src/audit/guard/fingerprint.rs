//! Numbers that show whether any object or any noted block has changed.

use crate::abi::PyObject;
use crate::audit::heap::young::Block;
use crate::audit::holds::TypeInfo;

/// The state of all objects, and of the memory that was handed out since the check began, at one moment.
///
/// Two moments with equal numbers differ only by chance, about once in 2^64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::audit) struct Fingerprint {
    /// The number of objects.
    objects: usize,
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
    /// `op` is an object with the type that `info` describes.
    #[inline]
    pub(in crate::audit) unsafe fn add(
        &mut self,
        op: *mut PyObject,
        info: &TypeInfo,
        refcount: isize,
        place: usize,
    ) {
        let length = if info.has_length {
            // SAFETY: the object has a word behind its head, as its type says.
            unsafe { *op.byte_add(size_of::<PyObject>()).cast::<u64>() }
        } else {
            0
        };
        self.objects += 1;
        let hash = mix(mix(place as u64, info.ob_type as u64), refcount as u64);
        self.sum = self.sum.wrapping_add(mix(hash, length));
    }

    /// Adds a noted block.
    pub(in crate::audit) fn add_block(&mut self, block: &Block) {
        let hash = mix(block.domain as u64 + 1, block.bytes as u64);
        self.blocks = self.blocks.wrapping_add(hash);
    }
}

/// A hash of two words.
#[inline]
fn mix(one: u64, other: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let both = one.rotate_left(29) ^ other;
    let both = (both ^ both >> 32).wrapping_mul(ODD);
    both ^ both >> 29
}
