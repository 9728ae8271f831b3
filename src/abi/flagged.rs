use std::mem::offset_of;

use super::Counted;

/// 3.14 and later: a 32-bit count, and flags in the upper half of the word.
pub type FlaggedObject = Counted<FlaggedCount>;

/// The first word of a [`FlaggedObject`].
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
pub struct FlaggedCount {
    /// The number of references.
    pub ob_refcnt: u32,
    /// Takes the carry where an extension built for an older version counts in 64 bits. Never read.
    pub ob_overflow: u16,
    /// 1: immortal, 4: statically allocated.
    pub ob_flags: u16,
}

const _: () = assert!(offset_of!(FlaggedCount, ob_overflow) == 4);
const _: () = assert!(offset_of!(FlaggedCount, ob_flags) == 6);
const _: () = assert!(offset_of!(FlaggedObject, ob_type) == 8);
const _: () = assert!(size_of::<FlaggedObject>() == 16);
