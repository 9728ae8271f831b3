//! Objects that free threads leave to the collector, and what is counted of them.

use std::sync::atomic::Ordering::Relaxed;

use super::builtin::builtin;
use super::door::door;
use super::holds::HEAP_TYPE;
use crate::abi::{self, BiasedCount, FLAVOUR, Head, PyObject};
use crate::refcount::{Current, Policy};

/// Behind the last field of a type that is read elsewhere stand its module, its name for `tp_name`, a token and two caches.
const TYPE_NUMBER: usize = HEAP_TYPE + 48;
/// Of a code object.
const CODE_NUMBER: usize = size_of::<PyObject>() + 168;
/// Of a dictionary: the upper half of a word.
const DICT_TAG: usize = size_of::<PyObject>() + 8;
/// `Py_TPFLAGS_TYPE_SUBCLASS`.
const TYPE_SUBCLASS: u64 = 1 << 31;
/// `Py_TPFLAGS_DICT_SUBCLASS`.
const DICT_SUBCLASS: u64 = 1 << 29;

/// Whether an object is left to the collector; from 3.14 on it is counted on top of a number that no count comes near.
///
/// # Safety
/// `op` is an object.
pub(super) unsafe fn is_deferred(op: *mut PyObject) -> bool {
    // SAFETY: the caller's promise; a free-threaded flavour has that layout. Relaxed: only one thread runs.
    FLAVOUR.free_threaded
        && unsafe {
            let bits = (*op.cast::<BiasedCount>()).ob_gc_bits.load(Relaxed);
            bits & BiasedCount::DEFERRED != 0 && abi::flags_of(op).have_gc()
        }
}

/// The references that are counted of such an object; `None` where some of them stand in tables that were not found.
///
/// # Safety
/// `op` is an object that is left to the collector, and not immortal.
pub(super) unsafe fn counted(op: *mut PyObject) -> Option<isize> {
    // SAFETY: the caller's promise.
    let count = unsafe { Current::get(PyObject::count(op)) };
    if FLAVOUR.minor == 13 {
        // It counts these like anything else, and one more, which is the collector's own.
        return Some(count - 1);
    }
    let own = count - BiasedCount::DEFERRED_REFERENCES;
    // SAFETY: as above.
    match unsafe { number_of(op) } {
        Some(number) => Some(own + (door()?.by_threads)(number)?),
        None => Some(own),
    }
}

/// The number of an object in the tables in which threads count, if it has one.
///
/// # Safety
/// `op` is an object of 3.14 or later.
pub unsafe fn number_of(op: *mut PyObject) -> Option<usize> {
    // SAFETY: the caller's promise; the fields are those of such objects.
    let number = unsafe {
        let flags = abi::flags_of(op).0;
        let word = |place| *op.byte_add(place).cast::<usize>();
        if flags & TYPE_SUBCLASS != 0 {
            let is_heap = abi::TypeFlags((*op.cast::<abi::PyTypeObject>()).tp_flags).is_heap_type();
            if is_heap { word(TYPE_NUMBER) } else { 0 }
        } else if flags & DICT_SUBCLASS != 0 {
            word(DICT_TAG) >> 32
        } else if abi::type_of(op) as usize == builtin().PyCode_Type {
            word(CODE_NUMBER)
        } else {
            0
        }
    };
    (number != 0).then_some(number)
}
