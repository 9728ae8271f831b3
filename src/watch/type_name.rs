//! Reads the name of an object's type, without a crash if the object is damaged.

use std::mem::offset_of;

use crate::abi::{FLAVOUR, Py_ssize_t, PyObject, PyTypeObject, TypeFlags};
use crate::host;

/// Longer names are cut.
const LONGEST: usize = 200;

/// The address in an object's type field; `None` if it can't be read.
#[must_use]
pub fn type_word(op: *mut PyObject) -> Option<usize> {
    host::read(op as usize + offset_of!(PyObject, ob_type))
}

/// The name of the type at `address`, or `None` if the memory does not look like a type.
#[must_use]
pub fn of_type(address: usize) -> Option<String> {
    if !address.is_multiple_of(8) {
        return None;
    }
    let size: Py_ssize_t = host::read(address + offset_of!(PyTypeObject, tp_basicsize))?;
    let dealloc: usize = host::read(address + offset_of!(PyTypeObject, tp_dealloc))?;
    let is_type =
        (0..1 << 32).contains(&size) && (dealloc == 0 || host::read::<u8>(dealloc).is_some());
    let name: usize = host::read(address + offset_of!(PyTypeObject, tp_name))?;
    if is_type {
        host::read_text(name, LONGEST)
    } else {
        None
    }
}

/// The flags of an object's type; `None` if they can't be read.
#[must_use]
pub fn flags(op: *mut PyObject) -> Option<TypeFlags> {
    let place = type_word(op)?.checked_add(offset_of!(PyTypeObject, tp_flags))?;
    host::read(place).map(TypeFlags)
}

/// The name of an object's type, or `None` if it can't be read.
#[must_use]
pub fn of(op: *mut PyObject) -> Option<String> {
    of_type(type_word(op)?)
}

/// CPython's `_PyObject_IsFreed`: true if an allocator has wiped the memory, or if it is unmapped.
#[must_use]
pub fn looks_freed(op: *mut PyObject) -> bool {
    let wiped = |word: usize| {
        let extremes = FLAVOUR.minor >= 14 && (word <= 0xFF || word >= usize::MAX - 0xFF);
        extremes
            || word == 0
            || [0xCD, 0xDD, 0xFD].contains(&(word as u8))
                && word == usize::from_ne_bytes([word as u8; 8])
    };
    // The links of an object outside the list of all objects are zero.
    let links = || {
        host::read::<[usize; 2]>(op as usize)
            .is_none_or(|links| links.into_iter().any(|link| link != 0 && wiped(link)))
    };
    wiped(op as usize) || type_word(op).is_none_or(wiped) || FLAVOUR.has_links() && links()
}
