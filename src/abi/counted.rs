use std::mem::offset_of;

use super::{Head, Py_ssize_t, PyTypeObject};

/// A count, then the type: every layout but that with links.
#[repr(C)]
#[derive(Debug)]
pub struct Counted<C> {
    /// What the counting policy works on.
    pub count: C,
    /// The type.
    pub ob_type: *mut PyTypeObject,
}

/// 3.8 to 3.13: a signed word that counts.
///
/// From 3.12 on CPython wraps the count in a union with its two halves; its place and width are the
/// same.
pub type PlainObject = Counted<Py_ssize_t>;

const _: () = assert!(offset_of!(PlainObject, ob_type) == 8);
const _: () = assert!(size_of::<PlainObject>() == 16);

impl<C> Head for Counted<C> {
    type Count = C;

    #[inline]
    unsafe fn count(op: *mut Self) -> *mut C {
        // SAFETY: `op` points to memory of this layout, so the field lies in it.
        unsafe { &raw mut (*op).count }
    }

    fn count_address(op: *mut Self) -> usize {
        op as usize + offset_of!(Self, count)
    }

    #[inline]
    unsafe fn ob_type(op: *mut Self) -> *mut PyTypeObject {
        // SAFETY: the caller says that the type has been set.
        unsafe { (*op).ob_type }
    }
}
