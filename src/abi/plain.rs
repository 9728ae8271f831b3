use std::mem::offset_of;

use super::{Head, Py_ssize_t, PyTypeObject};

/// 3.8 to 3.13: a signed word that counts, then the type.
///
/// From 3.12 on CPython wraps the count in a union with its two halves; its place and width are the
/// same.
#[repr(C)]
#[derive(Debug)]
pub struct PlainObject {
    /// The number of references.
    pub ob_refcnt: Py_ssize_t,
    /// The type.
    pub ob_type: *mut PyTypeObject,
}

const _: () = assert!(offset_of!(PlainObject, ob_refcnt) == 0);
const _: () = assert!(offset_of!(PlainObject, ob_type) == 8);
const _: () = assert!(size_of::<PlainObject>() == 16);

impl Head for PlainObject {
    type Count = Py_ssize_t;

    #[inline]
    unsafe fn count(op: *mut Self) -> *mut Py_ssize_t {
        // SAFETY: `op` points to memory of this layout, so the field lies in it.
        unsafe { &raw mut (*op).ob_refcnt }
    }

    fn count_address(op: *mut Self) -> usize {
        op as usize + offset_of!(Self, ob_refcnt)
    }

    #[inline]
    unsafe fn ob_type(op: *mut Self) -> *mut PyTypeObject {
        // SAFETY: the caller says that the type has been set.
        unsafe { (*op).ob_type }
    }
}
