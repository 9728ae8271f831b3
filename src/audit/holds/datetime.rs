//! `datetime.time` and `datetime.datetime`. Those without a zone end in front of the field for it.

use super::{Visitor, field};
use crate::abi::PyObject;

/// `hastzinfo`, behind the hash.
const HASTZINFO: usize = 8;

pub(super) unsafe fn ask_time(op: *mut PyObject, _is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has the fields of a time.
    unsafe { ask(op, 16, visitor) }
}

pub(super) unsafe fn ask_datetime(op: *mut PyObject, _is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has the fields of a `datetime`.
    unsafe { ask(op, 24, visitor) }
}

/// Reads the zone at the place `tzinfo`.
///
/// # Safety
/// `op` begins like a time, and has a field at `tzinfo` if its `hastzinfo` is not 0.
unsafe fn ask(op: *mut PyObject, tzinfo: usize, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has both fields, as the caller promises.
    unsafe {
        let [has_tzinfo, ..] = (field(op, HASTZINFO) as usize).to_ne_bytes();
        if has_tzinfo != 0 {
            visitor.read(field(op, tzinfo));
        }
    }
}
