//! Times with a zone. Those without end in front of the field for it.

use super::{Held, field};
use crate::abi::PyObject;

/// The hash stands in front.
const HASTZINFO: usize = 8;

pub(super) unsafe fn ask_time(op: *mut PyObject, _is_tracked: bool, held: &mut dyn Held) {
    // SAFETY: `op` is a time.
    unsafe { ask(op, 16, held) }
}

pub(super) unsafe fn ask_datetime(op: *mut PyObject, _is_tracked: bool, held: &mut dyn Held) {
    // SAFETY: `op` is a date with a time.
    unsafe { ask(op, 24, held) }
}

/// # Safety
/// `op` begins as times do, and has that field if it says so.
unsafe fn ask(op: *mut PyObject, tzinfo: usize, held: &mut dyn Held) {
    // SAFETY: the caller's promise.
    unsafe {
        let [has_tzinfo, ..] = (field(op, HASTZINFO) as usize).to_ne_bytes();
        if has_tzinfo != 0 {
            held.read(field(op, tzinfo));
        }
    }
}
