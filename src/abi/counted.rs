use std::mem::offset_of;

use super::{Head, Py_ssize_t, PyTypeObject};

/// A count, then the type. Every layout except [`LinkedObject`](super::LinkedObject) has this form.
#[repr(C)]
#[derive(Debug)]
pub struct Counted<C> {
    /// The part that a counting policy works on.
    pub count: C,
    /// The type.
    pub ob_type: *mut PyTypeObject,
}

/// 3.8 to 3.13: the count is one signed word.
///
/// From 3.12 on CPython wraps the count in a union with its two halves. Offset and width do not change.
pub type PlainObject = Counted<Py_ssize_t>;

const _: () = assert!(offset_of!(PlainObject, ob_type) == 8);
const _: () = assert!(size_of::<PlainObject>() == 16);

impl<C> Head for Counted<C> {
    type Count = C;

    #[inline]
    unsafe fn count(op: *mut Self) -> *mut C {
        // SAFETY: `op` points to memory of this layout, so the field lies inside that memory.
        unsafe { &raw mut (*op).count }
    }

    fn count_address(op: *mut Self) -> usize {
        op as usize + offset_of!(Self, count)
    }

    #[inline]
    unsafe fn ob_type(op: *mut Self) -> *mut PyTypeObject {
        // SAFETY: the caller promises aligned, readable memory with an initialised type word.
        unsafe { (*op).ob_type }
    }
}
