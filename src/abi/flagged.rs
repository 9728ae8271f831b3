use std::mem::offset_of;

use super::{Head, PyTypeObject};

/// 3.14 and later: a 32-bit count, and flags in the upper half of the word.
#[repr(C, align(8))]
#[derive(Debug)]
pub struct FlaggedObject {
    /// The number of references.
    pub ob_refcnt: u32,
    /// Takes the carry of 64-bit increments made by extensions of older versions; never read.
    pub ob_overflow: u16,
    /// 1: immortal, 4: statically allocated.
    pub ob_flags: u16,
    /// The type.
    pub ob_type: *mut PyTypeObject,
}

/// The first word of a [`FlaggedObject`]: what its counting policy works on.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
pub struct FlaggedCount {
    /// The number of references.
    pub ob_refcnt: u32,
    /// See [`FlaggedObject::ob_overflow`].
    pub ob_overflow: u16,
    /// See [`FlaggedObject::ob_flags`].
    pub ob_flags: u16,
}

const _: () = assert!(offset_of!(FlaggedObject, ob_overflow) == 4);
const _: () = assert!(offset_of!(FlaggedObject, ob_flags) == 6);
const _: () = assert!(offset_of!(FlaggedObject, ob_type) == 8);
const _: () = assert!(size_of::<FlaggedObject>() == 16);
const _: () = assert!(size_of::<FlaggedCount>() == 8);

impl Head for FlaggedObject {
    type Count = FlaggedCount;

    #[inline]
    unsafe fn count(op: *mut Self) -> *mut FlaggedCount {
        op.cast()
    }

    fn count_address(op: *mut Self) -> usize {
        op as usize
    }

    #[inline]
    unsafe fn ob_type(op: *mut Self) -> *mut PyTypeObject {
        // SAFETY: the caller says that the type has been set.
        unsafe { (*op).ob_type }
    }
}
