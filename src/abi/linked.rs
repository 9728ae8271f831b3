use std::mem::offset_of;

use super::{Head, Py_ssize_t, PyTypeObject};

/// 3.8 to 3.12 with `Py_TRACE_REFS`: the two links of the list of all objects come first.
#[repr(C)]
#[derive(Debug)]
pub struct LinkedObject {
    /// The next older object in the list; NULL where this object is not in the list.
    pub _ob_next: *mut LinkedObject,
    /// The next newer object in the list; NULL where this object is not in the list.
    pub _ob_prev: *mut LinkedObject,
    /// The number of references.
    pub ob_refcnt: Py_ssize_t,
    /// The type.
    pub ob_type: *mut PyTypeObject,
}

const _: () = assert!(offset_of!(LinkedObject, ob_refcnt) == 16);
const _: () = assert!(offset_of!(LinkedObject, ob_type) == 24);
const _: () = assert!(size_of::<LinkedObject>() == 32);

impl Head for LinkedObject {
    type Count = Py_ssize_t;

    #[inline]
    unsafe fn count(op: *mut Self) -> *mut Py_ssize_t {
        // SAFETY: `op` points to memory of this layout, so the field lies inside that memory.
        unsafe { &raw mut (*op).ob_refcnt }
    }

    fn count_address(op: *mut Self) -> usize {
        op as usize + offset_of!(Self, ob_refcnt)
    }

    #[inline]
    unsafe fn ob_type(op: *mut Self) -> *mut PyTypeObject {
        // SAFETY: the caller promises aligned, readable memory with an initialised type word.
        unsafe { (*op).ob_type }
    }
}
