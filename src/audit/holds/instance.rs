//! Instances whose attributes lie in themselves, from 3.13 on: they visit these, and 3.13 then does not visit
//! the dictionary, once it was asked for.

use crate::abi::{self, FLAVOUR, PyObject, PyTypeObject};

/// `Py_TPFLAGS_INLINE_VALUES`.
const INLINE_VALUES: u64 = 1 << 2;
/// How far in front of the object its dictionary is kept.
const MANAGED_DICT: usize = if FLAVOUR.free_threaded { 8 } else { 24 };
/// Of the values, whose first word holds four numbers of a byte each: whether they are in use.
const VALID: usize = 3;

/// Whether the attributes of instances lie in these.
///
/// # Safety
/// `ob_type` is a type.
pub(crate) unsafe fn has_inline_values(ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: the caller's promise.
    FLAVOUR.minor >= 13 && unsafe { super::flags(ob_type) }.0 & INLINE_VALUES != 0
}

/// The dictionary, which some versions visit, too.
///
/// # Safety
/// `op` is a complete instance of that kind.
pub(super) unsafe fn dictionary(op: *mut PyObject) -> Option<*mut PyObject> {
    // SAFETY: the dictionary stands in front of the instance, and its values behind it.
    unsafe {
        let values = op as usize + (*abi::type_of(op)).tp_basicsize.unsigned_abs();
        let dict = *op.byte_sub(MANAGED_DICT).cast::<*mut PyObject>();
        (!dict.is_null() && *((values + VALID) as *const u8) != 0).then_some(dict)
    }
}
