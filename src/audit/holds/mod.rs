//! What CPython's own types hold without saying so in `tp_traverse`.
//!
//! One file for each family. A field is read where that version keeps it; what is found there counts only if it is an
//! object.

use std::ffi::{CStr, c_int, c_void};

use super::builtin::builtin;
use super::types::{Asked, TypeInfo};
use crate::abi::{self, PyObject, PyTypeObject, TypeFlags};

mod descriptor;
mod dict;
mod type_object;

pub(super) use dict::learn;
pub(super) use type_object::has_hidden_fields;

/// Is told what an object holds.
pub(super) trait Held {
    /// A container has handed it out.
    fn visited(&mut self, op: *mut PyObject);

    /// It was read from a field of what looks like an object, and may be anything.
    fn read(&mut self, word: *mut PyObject);

    /// Whether that part, which several objects have in common, is met for the first time.
    fn is_first(&mut self, part: usize) -> bool;

    /// Whether that many bytes can be read.
    fn is_readable(&self, address: usize, bytes: usize) -> bool;
}

/// Reads an object's fields. One that is not tracked was not asked by `tp_traverse`.
///
/// # Safety
/// The object is of the type that the function is for, or a copy of the memory of one.
pub(super) type Ask = unsafe fn(op: *mut PyObject, is_tracked: bool, held: &mut dyn Held);

/// What is known of types that have a symbol, and of their subclasses.
pub(super) const SYMBOLS: &[(&CStr, Ask)] = &[
    (c"PyMethodDescr_Type", descriptor::ask),
    (c"PyClassMethodDescr_Type", descriptor::ask),
    (c"PyMemberDescr_Type", descriptor::ask),
    (c"PyGetSetDescr_Type", descriptor::ask),
    (c"PyWrapperDescr_Type", descriptor::ask),
    (c"PyDict_Type", dict::ask),
    (c"PyType_Type", type_object::ask),
];

/// What is known of a type.
///
/// # Safety
/// `ob_type` is a type.
pub(super) unsafe fn of(mut ob_type: *mut PyTypeObject) -> Option<Ask> {
    let known = &builtin().known;
    while !ob_type.is_null() {
        if let Some(at) = known.iter().position(|&symbol| symbol == ob_type as usize) {
            return Some(SYMBOLS[at].1);
        }
        // SAFETY: a base of a type is a type.
        ob_type = unsafe { (*ob_type).tp_base };
    }
    None
}

/// Asks an object for all that it visibly holds.
///
/// # Safety
/// The object has that type. It is tracked only if it is complete.
pub(super) unsafe fn ask<H: Held>(
    op: *mut PyObject,
    info: &TypeInfo,
    is_tracked: bool,
    held: &mut H,
) {
    // SAFETY: a complete container may be asked; a visitor gets back what was passed along.
    unsafe {
        if is_tracked && let Some(traverse) = (*info.ob_type).tp_traverse {
            traverse(op, Some(visit::<H>), (&raw mut *held).cast());
        } else if info.asked == Asked::Tuple {
            read_items(op, held);
        }
        if let Some(also) = info.also {
            also(op, is_tracked, held);
        }
    }
}

unsafe extern "C" fn visit<H: Held>(op: *mut PyObject, held: *mut c_void) -> c_int {
    // SAFETY: `ask` passed it along, and keeps it borrowed.
    unsafe { (*held.cast::<H>()).visited(op) };
    0
}

/// # Safety
/// `op` is an exact tuple, or a copy of one.
unsafe fn read_items(op: *mut PyObject, held: &mut impl Held) {
    // SAFETY: the caller's promise; whether the items are there is asked first.
    unsafe {
        let size = (*op.cast::<abi::PyVarObject>()).ob_size.unsigned_abs();
        // The size of a tuple without items: from 3.14 on there is a hash in front of them.
        let first = op as usize + (*abi::type_of(op)).tp_basicsize.unsigned_abs();
        let Some(bytes) = size.checked_mul(size_of::<usize>()) else {
            return;
        };
        if held.is_readable(first, bytes) {
            for at in 0..size {
                held.read(*(first as *const *mut PyObject).add(at));
            }
        }
    }
}

/// The flags of a type.
///
/// # Safety
/// `ob_type` is a type.
unsafe fn flags(ob_type: *mut PyTypeObject) -> TypeFlags {
    // SAFETY: the caller's promise.
    TypeFlags(unsafe { (*ob_type).tp_flags })
}

/// The word at so many bytes behind the head of an object.
///
/// # Safety
/// The object has it.
unsafe fn field(op: *mut PyObject, behind_head: usize) -> *mut PyObject {
    // SAFETY: the caller's promise.
    unsafe { *op.byte_add(size_of::<PyObject>() + behind_head).cast() }
}
