//! How many references are counted of an object. On free-threaded builds that includes objects whose counting is
//! deferred.

use std::sync::atomic::Ordering::Relaxed;

use crate::abi::{self, BiasedCount, FLAVOUR, Head, PyObject};
use crate::audit::heap::builtin::builtin;
use crate::audit::heap::host_hooks::host_hooks;
use crate::audit::holds::HEAP_TYPE;
use crate::refcount::{Current, Policy};

/// `unique_id` of a type. In front of it stand `ht_module`, `_ht_tpname`, `ht_token` and two caches.
const TYPE_NUMBER: usize = HEAP_TYPE + 48;
/// `_co_unique_id` of a code object.
const CODE_NUMBER: usize = size_of::<PyObject>() + 168;
/// `_ma_watcher_tag` of a dictionary. Its upper half is the number.
const DICT_TAG: usize = size_of::<PyObject>() + 8;

/// The counted references of an object; `None` if it is immortal, or if threads count it in tables that were not found.
///
/// # Safety
/// `op` is an object.
pub(in crate::audit) unsafe fn counted(op: *mut PyObject) -> Option<isize> {
    // SAFETY: `op` is an object.
    unsafe {
        let count = PyObject::count(op);
        if Current::is_immortal(count) {
            return None;
        }
        if is_deferred(op) {
            return counted_deferred(op);
        }
        Some(Current::get(count))
    }
}

/// Whether an object can be pinned: it is mortal, has a reference, and dies with its last one. From 3.14 on only the
/// collector ends a deferred object.
///
/// # Safety
/// `op` is an object.
pub(in crate::audit) unsafe fn may_be_held(op: *mut PyObject) -> bool {
    // SAFETY: `op` is an object.
    unsafe {
        counted(op).is_some_and(|count| count > 0)
            && !(FLAVOUR.counts_deferred_apart() && is_deferred(op))
    }
}

/// Whether an object is deferred. From 3.14 on a deferred object's count includes a huge constant.
///
/// # Safety
/// `op` is an object.
unsafe fn is_deferred(op: *mut PyObject) -> bool {
    // SAFETY: `op` is an object, and a free-threaded flavour has this layout. Relaxed: only one thread runs.
    FLAVOUR.free_threaded
        && unsafe {
            let bits = (*op.cast::<BiasedCount>()).ob_gc_bits.load(Relaxed);
            bits & BiasedCount::DEFERRED != 0 && abi::flags_of(op).have_gc()
        }
}

/// The counted references of a deferred object; `None` if some stand in tables that were not found.
///
/// # Safety
/// `op` is an object, deferred and not immortal.
unsafe fn counted_deferred(op: *mut PyObject) -> Option<isize> {
    // SAFETY: `op` is an object.
    let count = unsafe { Current::get(PyObject::count(op)) };
    if !FLAVOUR.counts_deferred_apart() {
        // 3.13 counts such an object like any other, plus one reference of the collector.
        return Some(count - 1);
    }
    let own = count - BiasedCount::DEFERRED_REFERENCES;
    // SAFETY: `op` is an object of 3.14 or later.
    match unsafe { number_of(op) } {
        // SAFETY: the caller looks at objects while the host's lock is held.
        Some(number) => Some(own + unsafe { (host_hooks()?.by_threads)(number) }?),
        None => Some(own),
    }
}

/// The number of an object in the tables in which threads count references, if it has one.
///
/// # Safety
/// `op` is an object of a free-threaded build, 3.14 or later.
pub unsafe fn number_of(op: *mut PyObject) -> Option<usize> {
    // SAFETY: `op` is an object, and its type says which layout it has.
    let number = unsafe {
        let flags = abi::flags_of(op);
        let word = |place| *op.byte_add(place).cast::<usize>();
        if flags.is_type() {
            let is_heap = abi::TypeFlags((*op.cast::<abi::PyTypeObject>()).tp_flags).is_heap_type();
            if is_heap { word(TYPE_NUMBER) } else { 0 }
        } else if flags.is_dict() {
            word(DICT_TAG) >> 32
        } else if abi::type_of(op) as usize == builtin().PyCode_Type {
            word(CODE_NUMBER)
        } else {
            0
        }
    };
    (number != 0).then_some(number)
}
