//! Types: the references that heap types do not visit, and all references that static types hold.

use super::{Visitor, dict, flags};
use crate::abi::{FLAVOUR, PyObject, PyTypeObject, PyVarObject, TypeFlags};

/// The start of the fields behind a heap type's slots: CPython's `PyHeapTypeObject`. The numbers are the words of its
/// method tables.
const HT_NAME: usize = {
    let as_async = match FLAVOUR.minor {
        ..=9 => 3,
        _ => 4,
    };
    let (as_number, as_mapping, as_sequence, as_buffer) = (36, 3, 10, 2);
    size_of::<PyTypeObject>() + 8 * (as_async + as_number + as_mapping + as_sequence + as_buffer)
};
const HT_SLOTS: usize = HT_NAME + 8;
const HT_QUALNAME: usize = HT_NAME + 16;
const HT_CACHED_KEYS: usize = HT_NAME + 24;
/// Bytes of a heap type, up to the last field that is read here.
pub(crate) const HEAP_TYPE: usize = HT_CACHED_KEYS + 8;

pub(super) unsafe fn ask(op: *mut PyObject, _is_tracked: bool, visitor: &mut dyn Visitor) {
    let ob_type = op.cast::<PyTypeObject>();
    // SAFETY: `op` is a type, and a heap type has the fields behind it.
    unsafe {
        // From 3.12 on this field is a number in CPython's own static types.
        let subclasses = (*ob_type).tp_subclasses.cast::<PyObject>();
        if !FLAVOUR.numbers_own_types() || flags(ob_type).is_heap_type() {
            visitor.read(subclasses);
        }
        if flags(ob_type).is_heap_type() {
            for place in [HT_NAME, HT_SLOTS, HT_QUALNAME] {
                visitor.read(*op.byte_add(place).cast());
            }
            dict::ask_keys(*op.byte_add(HT_CACHED_KEYS).cast::<usize>(), visitor);
        } else {
            visitor.read((*ob_type).tp_dict);
            visitor.read((*ob_type).tp_bases);
            visitor.read((*ob_type).tp_mro);
        }
    }
}

/// The string `__qualname__` of a type, or NULL.
///
/// # Safety
/// `ob_type` is a heap type.
pub(crate) unsafe fn qualified_name(ob_type: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: `ob_type` is a heap type, which has this field.
    unsafe { *ob_type.byte_add(HT_QUALNAME).cast() }
}

/// Whether a heap type has fields that neither Python code nor its base has asked for.
///
/// # Safety
/// `ob_type` is a heap type.
pub(crate) unsafe fn has_hidden_fields(ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: `ob_type` is a heap type. Its base is a type or NULL, and its `__slots__` are a tuple or NULL.
    unsafe {
        let Some(base) = (*ob_type).tp_base.as_ref() else {
            return false;
        };
        let slots = *ob_type.byte_add(HT_SLOTS).cast::<*mut PyVarObject>();
        let slots = slots.as_ref().map_or(0, |slots| slots.ob_size);
        let flags = flags(ob_type).0;
        // A managed dictionary or weak list lies in front of an instance. In an instance with items, the dictionary's
        // offset counts from the end.
        let added = |managed: u64, own: isize, theirs: isize| {
            isize::from(flags & managed == 0 && own != 0 && theirs == 0)
        };
        let (dict, base_dict) = ((*ob_type).tp_dictoffset, base.tp_dictoffset);
        let (weak, base_weak) = ((*ob_type).tp_weaklistoffset, base.tp_weaklistoffset);
        let expected = base.tp_basicsize
            + 8 * (slots
                + added(TypeFlags::MANAGED_DICT, dict, base_dict)
                + added(TypeFlags::MANAGED_WEAKREF, weak, base_weak));
        (*ob_type).tp_basicsize > expected
    }
}
