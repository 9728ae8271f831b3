//! Streams of text in memory, from 3.14 on: what was written waits in a writer, which is no object.

use super::{Held, field};
use crate::abi::PyObject;

/// NULL after the first read.
const WRITER: usize = 40;

pub(super) unsafe fn ask(op: *mut PyObject, _is_tracked: bool, held: &mut dyn Held) {
    // SAFETY: `op` is such a stream; a writer begins with the string that it fills.
    unsafe {
        let writer = field(op, WRITER).cast::<*mut PyObject>();
        if writer.is_aligned() && held.is_readable(writer as usize, size_of::<usize>()) {
            held.read(*writer);
        }
    }
}
