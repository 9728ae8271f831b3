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
        let extremes = FLAVOUR.frees_at_extremes() && (word <= 0xFF || word >= usize::MAX - 0xFF);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_a_possible_size_and_a_readable_dealloc() {
        let name = |size: usize, dealloc: usize| {
            let mut words = [0_usize; size_of::<PyTypeObject>() / 8];
            words[offset_of!(PyTypeObject, tp_basicsize) / 8] = size;
            words[offset_of!(PyTypeObject, tp_dealloc) / 8] = dealloc;
            words[offset_of!(PyTypeObject, tp_name) / 8] = c"a.Name".as_ptr() as usize;
            of_type(words.as_ptr() as usize)
        };
        assert_eq!(name(16, 0).as_deref(), Some("a.Name"));
        for (size, dealloc) in [(16, 8), (1 << 40, 0), (1 << 40, 8)] {
            assert_eq!(name(size, dealloc), None, "{size:#x} {dealloc:#x}");
        }
    }

    #[test]
    fn memory_without_a_type_looks_freed() {
        for (word, is_freed) in [
            (0, true),
            (usize::from_ne_bytes([0xDD; 8]), true),
            (1 << 20, false),
        ] {
            let words = [word; 16];
            assert_eq!(
                looks_freed(words.as_ptr().cast_mut().cast()),
                is_freed,
                "{word:#x}"
            );
        }
    }
}
