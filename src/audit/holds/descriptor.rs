//! Method, member, getset and wrapper descriptors, which do not visit their names.

use super::{Visitor, field};
use crate::abi::PyObject;

/// `d_type` lies in front of these fields, and is visited.
const D_NAME: usize = 8;
const D_QUALNAME: usize = 16;

pub(super) unsafe fn ask(op: *mut PyObject, _is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` begins with CPython's `PyDescrObject`.
    unsafe {
        visitor.read(field(op, D_NAME));
        visitor.read(field(op, D_QUALNAME));
    }
}
