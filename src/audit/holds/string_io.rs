//! `io.StringIO` from 3.14 on. A writer, which is no object, holds the written text.

use super::{Visitor, field};
use crate::abi::PyObject;

/// The pointer to the writer; NULL after the first read.
const WRITER: usize = 40;

pub(super) unsafe fn ask(op: *mut PyObject, _is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has the size of a `StringIO`. A writer begins with its string, and `is_readable` is asked first.
    unsafe {
        let writer = field(op, WRITER).cast::<*mut PyObject>();
        if writer.is_aligned() && visitor.is_readable(writer as usize, size_of::<usize>()) {
            visitor.read(*writer);
        }
    }
}
