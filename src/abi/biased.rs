use std::mem::offset_of;
use std::sync::atomic::{AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicUsize};

use super::Counted;

/// 3.13 and later, free-threaded: the owner counts without locked instructions, other threads count in a second word.
pub type BiasedObject = Counted<BiasedCount>;

/// The words in front of a [`BiasedObject`]'s type.
#[repr(C)]
#[derive(Debug, Default)]
pub struct BiasedCount {
    /// The owner's thread id. It is 0 where there is no owner, because the counts were merged or the object is
    /// immortal. While the object lies in the trashcan, this word is a link.
    pub ob_tid: AtomicUsize,
    /// 4: statically allocated (3.14 and later). In 3.13 this is padding.
    pub ob_flags: AtomicU16,
    /// CPython's one-byte lock.
    pub ob_mutex: AtomicU8,
    /// [`BiasedCount::TRACKED`], [`BiasedCount::FINALIZED`], [`BiasedCount::DEFERRED`], and bits that only CPython
    /// uses.
    pub ob_gc_bits: AtomicU8,
    /// The references that the owner counted. All ones mean that the object is immortal.
    pub ob_ref_local: AtomicU32,
    /// The references that other threads counted, times four, and two flags in the low bits.
    pub ob_ref_shared: AtomicIsize,
}

impl BiasedCount {
    /// A bit of `ob_gc_bits`: the container is tracked.
    ///
    /// cbindgen:ignore
    pub const TRACKED: u8 = 1;
    /// A bit of `ob_gc_bits`: the container's finalizer has run.
    ///
    /// cbindgen:ignore
    pub const FINALIZED: u8 = 2;
    /// A bit of `ob_gc_bits`: references from stacks are not counted, and only a collector ends the object.
    ///
    /// cbindgen:ignore
    pub const DEFERRED: u8 = 64;
    /// From 3.14 on this is added to the count of a deferred object, so that its count never reaches zero.
    ///
    /// cbindgen:ignore
    pub const DEFERRED_REFERENCES: isize = isize::MAX / 8;
}

const _: () = assert!(offset_of!(BiasedCount, ob_flags) == 8);
const _: () = assert!(offset_of!(BiasedCount, ob_mutex) == 10);
const _: () = assert!(offset_of!(BiasedCount, ob_gc_bits) == 11);
const _: () = assert!(offset_of!(BiasedCount, ob_ref_local) == 12);
const _: () = assert!(offset_of!(BiasedCount, ob_ref_shared) == 16);
const _: () = assert!(offset_of!(BiasedObject, ob_type) == 24);
const _: () = assert!(size_of::<BiasedObject>() == 32);
