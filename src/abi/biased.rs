use std::mem::offset_of;
use std::sync::atomic::{AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicUsize};

use super::Counted;

/// 3.13 and later, free-threaded: one thread counts without locked instructions, the others beside it.
pub type BiasedObject = Counted<BiasedCount>;

/// The words in front of a [`BiasedObject`]'s type.
#[repr(C)]
#[derive(Debug, Default)]
pub struct BiasedCount {
    /// The owner's thread id. 0: there is no owner, because the counts were merged or the object is immortal. A
    /// link, while the object lies in the trashcan.
    pub ob_tid: AtomicUsize,
    /// 4: statically allocated (3.14 and later; padding in 3.13).
    pub ob_flags: AtomicU16,
    /// CPython's lock of one byte.
    pub ob_mutex: AtomicU8,
    /// See [`BiasedCount::TRACKED`] and its neighbours.
    pub ob_gc_bits: AtomicU8,
    /// The owner's references; all ones: immortal.
    pub ob_ref_local: AtomicU32,
    /// The others' references times four, and two flags.
    pub ob_ref_shared: AtomicIsize,
}

impl BiasedCount {
    /// Of `ob_gc_bits`: the container is tracked.
    ///
    /// cbindgen:ignore
    pub const TRACKED: u8 = 1;
    /// Of `ob_gc_bits`: the container's finalizer has run.
    ///
    /// cbindgen:ignore
    pub const FINALIZED: u8 = 2;
    /// Of `ob_gc_bits`: references from stacks are not counted, and only a collector ends the object.
    ///
    /// cbindgen:ignore
    pub const DEFERRED: u8 = 64;
    /// What such an object is counted on top of, from 3.14 on, so that its count never reaches zero.
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
