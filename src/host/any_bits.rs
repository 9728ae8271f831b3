//! Types without invalid values.

use crate::abi::{BiasedCount, FlaggedCount};

/// A type of which every bit pattern is a valid value.
///
/// # Safety
/// The type has no padding that is read, and each of its fields is of such a type.
pub unsafe trait AnyBits {}

macro_rules! any_bits {
    ($($number:ty),*) => {$(
        // SAFETY: every bit pattern is a number, or consists of numbers.
        unsafe impl AnyBits for $number {}
    )*};
}

any_bits!(u8, u32, u64, usize, isize);
any_bits!(BiasedCount, FlaggedCount);

// SAFETY: each item is of such a type.
unsafe impl<T: AnyBits, const N: usize> AnyBits for [T; N] {}
// SAFETY: a raw pointer may have any value.
unsafe impl<T> AnyBits for *mut T {}
