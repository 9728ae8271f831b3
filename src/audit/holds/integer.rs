//! Integers.

use crate::abi::FLAVOUR;
use crate::audit::heap::builtin::builtin;

/// Whether a block is that of a dead integer of one digit, which is parked in a free list. Its type word stays, and its
/// first word links to the next such block.
///
/// # Safety
/// `start` is a multiple of 8. So many bytes can be read from it.
pub(super) unsafe fn is_parked(start: usize, bytes: usize) -> bool {
    /// `sizeof(PyLongObject)`, and the bytes that such an integer needs of it.
    const LENGTHS: std::ops::RangeInclusive<usize> = 28..=32;
    if !FLAVOUR.parks_integers() || !LENGTHS.contains(&bytes) {
        return false;
    }
    // SAFETY: the block has two words, as its length says.
    let [link, ob_type] = unsafe { *(start as *const [usize; 2]) };
    // A living integer in a block has no bits above its 32 bits of count. An address has.
    ob_type == builtin().PyLong_Type && (link == 0 || link >> 32 != 0)
}
