use std::mem::offset_of;
use std::sync::atomic::{AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicUsize};

use super::{Head, PyTypeObject};

/// 3.13 and later, free-threaded: one thread counts without locked instructions, the others beside it.
#[repr(C)]
#[derive(Debug)]
pub struct BiasedObject {
    /// The owner's thread id. 0: nobody's, because the counts were merged or the object is immortal. A
    /// link, while the object lies in the trashcan.
    pub ob_tid: AtomicUsize,
    /// 4: statically allocated (3.14 and later; padding in 3.13).
    pub ob_flags: AtomicU16,
    /// CPython's lock of one byte.
    pub ob_mutex: AtomicU8,
    /// See [`BiasedObject::TRACKED`] and its neighbours.
    pub ob_gc_bits: AtomicU8,
    /// The owner's references; all ones: immortal.
    pub ob_ref_local: AtomicU32,
    /// The others' references times four, and two flags.
    pub ob_ref_shared: AtomicIsize,
    /// The type.
    pub ob_type: *mut PyTypeObject,
}

impl BiasedObject {
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
}

/// The words in front of a [`BiasedObject`]'s type: what its counting policy works on.
#[repr(C)]
#[derive(Debug, Default)]
pub struct BiasedCount {
    /// See [`BiasedObject::ob_tid`].
    pub ob_tid: AtomicUsize,
    /// See [`BiasedObject::ob_flags`].
    pub ob_flags: AtomicU16,
    /// See [`BiasedObject::ob_mutex`].
    pub ob_mutex: AtomicU8,
    /// See [`BiasedObject::ob_gc_bits`].
    pub ob_gc_bits: AtomicU8,
    /// See [`BiasedObject::ob_ref_local`].
    pub ob_ref_local: AtomicU32,
    /// See [`BiasedObject::ob_ref_shared`].
    pub ob_ref_shared: AtomicIsize,
}

const _: () = assert!(offset_of!(BiasedObject, ob_flags) == 8);
const _: () = assert!(offset_of!(BiasedObject, ob_mutex) == 10);
const _: () = assert!(offset_of!(BiasedObject, ob_gc_bits) == 11);
const _: () = assert!(offset_of!(BiasedObject, ob_ref_local) == 12);
const _: () = assert!(offset_of!(BiasedObject, ob_ref_shared) == 16);
const _: () = assert!(offset_of!(BiasedObject, ob_type) == 24);
const _: () = assert!(size_of::<BiasedObject>() == 32);
const _: () = assert!(size_of::<BiasedCount>() == 24);

impl Head for BiasedObject {
    type Count = BiasedCount;

    #[inline]
    unsafe fn count(op: *mut Self) -> *mut BiasedCount {
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
