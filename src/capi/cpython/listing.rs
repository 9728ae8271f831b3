use std::ffi::c_void;

use libc::FILE;

use crate::abi::PyObject;
use crate::lifecycle::{all_objects, refcnt};
use crate::watch::type_name;

/// What a line tells about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Its address, count and representation.
    Repr,
    /// Its address, count and type.
    Type,
}

/// Writes a line for each object in the list of all objects.
///
/// # Safety
/// `stream` is open for writing.
pub(super) unsafe fn write(stream: *mut FILE, heading: &str, line: Line) {
    // SAFETY: the caller promises an open stream, and the bytes are those of one slice.
    let put =
        |text: &str| unsafe { libc::fwrite(text.as_ptr().cast::<c_void>(), 1, text.len(), stream) };
    put(heading);
    all_objects::visit(|op: *mut PyObject| {
        // SAFETY: the list holds only objects.
        let refcnt = unsafe { refcnt::refcnt(op) };
        let name = type_name::of(op).unwrap_or_else(|| "(can't be read)".into());
        put(&match line {
            Line::Type => format!("{op:p} [{refcnt}] {name}\n"),
            Line::Repr if refcnt <= 0 => format!("{op:p} [{refcnt}] <refcnt {refcnt} at {op:p}>\n"),
            Line::Repr => format!("{op:p} [{refcnt}] <{name} object at {op:p}>\n"),
        });
        true
    });
}
