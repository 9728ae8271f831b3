//! Instances with inline attribute values, from 3.13 on. They visit these values. Once their dictionary exists, 3.13
//! does not visit it.

use crate::abi::{self, FLAVOUR, PyObject, PyTypeObject};

/// `Py_TPFLAGS_INLINE_VALUES`.
const INLINE_VALUES: u64 = 1 << 2;
/// Bytes from the dictionary's pointer to the object behind it.
const MANAGED_DICT: usize = if FLAVOUR.free_threaded { 8 } else { 24 };
/// In the values, whose first word has four one-byte numbers: whether they are in use.
const VALID: usize = 3;

/// Whether instances keep their attributes inline.
///
/// # Safety
/// `ob_type` is a type.
pub(crate) unsafe fn has_inline_values(ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: `ob_type` is a type.
    FLAVOUR.has_inline_values() && unsafe { super::flags(ob_type) }.0 & INLINE_VALUES != 0
}

/// The dictionary of an instance whose inline values are in use. Some versions visit it, too.
///
/// # Safety
/// `op` is a complete instance of a type with inline values.
pub(super) unsafe fn dictionary(op: *mut PyObject) -> Option<*mut PyObject> {
    // SAFETY: the dictionary's pointer lies in front of the instance, and its values behind it.
    unsafe {
        let values = op as usize + (*abi::type_of(op)).tp_basicsize.unsigned_abs();
        let dict = *op.byte_sub(MANAGED_DICT).cast::<*mut PyObject>();
        (!dict.is_null() && *((values + VALID) as *const u8) != 0).then_some(dict)
    }
}
