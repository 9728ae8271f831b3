//! Free lists of CPython's own types. While the quarantine is on, no object is parked in one when it dies, so that its
//! memory reaches the quarantine like any other.
//!
//! Our function stands in the type's `tp_dealloc` meanwhile, and calls the original. Most deallocators park only objects
//! of exactly their type: such an object gets a copy of its type, a disguise, and its memory goes to the allocator. Some
//! park any object: it is taken out of the list again, by making an object.

use std::ffi::CStr;
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::door::Door;
use super::remake::{self, Host, Make};
use super::types::TYPE_WORD;
use super::{blocks, quarantine, reuse};
use crate::abi::{self, FLAVOUR, Head, PyObject, PyTypeObject, destructor};
use crate::refcount::{Current, Policy};

/// A type with a free list, the versions that have it, and what makes an object out of the list; `None` where the
/// deallocator looks at the type.
type Kind = (&'static CStr, RangeInclusive<u8>, Option<Make>);

const KINDS: [Kind; 12] = [
    (c"PyList_Type", 8..=15, None),
    (c"PyTuple_Type", 8..=15, None),
    (c"PyDict_Type", 8..=15, None),
    (c"PyFloat_Type", 8..=15, None),
    (c"PyLong_Type", 14..=15, None),
    (c"PyComplex_Type", 15..=15, None),
    (c"PySlice_Type", 8..=15, Some(remake::slice)),
    (c"PyContext_Type", 8..=15, Some(remake::context)),
    (c"PyListIter_Type", 14..=15, Some(remake::list_iterator)),
    (c"PyTupleIter_Type", 14..=15, Some(remake::tuple_iterator)),
    // From 3.9 to 3.13 these two have no list; our function then finds nothing to take back.
    (c"PyMethod_Type", 8..=15, Some(remake::method)),
    (c"PyCFunction_Type", 8..=15, Some(remake::function)),
];

/// Our function for each of them.
const OURS: [unsafe extern "C" fn(*mut PyObject); KINDS.len()] = [
    dealloc::<0>,
    dealloc::<1>,
    dealloc::<2>,
    dealloc::<3>,
    dealloc::<4>,
    dealloc::<5>,
    dealloc::<6>,
    dealloc::<7>,
    dealloc::<8>,
    dealloc::<9>,
    dealloc::<10>,
    dealloc::<11>,
];

/// A type, what its deallocator was, and the copy of the type that dying objects get.
#[derive(Debug)]
struct Patched {
    ob_type: *mut PyTypeObject,
    original: destructor,
    make: Option<Make>,
}

#[derive(Debug)]
struct All {
    host: Host,
    types: Vec<Option<Patched>>,
    /// One for each of them, unused where there is none.
    disguises: Vec<PyTypeObject>,
}

// SAFETY: types of the host are static, and the disguises are never written.
unsafe impl Send for All {}
// SAFETY: as above.
unsafe impl Sync for All {}

static ALL: OnceLock<All> = OnceLock::new();

/// From now on our functions stand in the types' `tp_dealloc`, or no more.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn switch(door: &Door, on: bool) {
    // A debug build ends the process at the first count below zero, and lists objects that we would have to list, too.
    if FLAVOUR.is_debug() || FLAVOUR.free_threaded {
        return;
    }
    // SAFETY: the caller's promise is the callee's.
    let all = ALL.get_or_init(|| unsafe { All::learn(door) });
    // `reuse` looks anew at which types keep memory, as soon as our functions are there or gone.
    reuse::apart(|| all.replace(on));
}

/// Whether a type's `tp_dealloc` is one of ours.
pub(super) fn is_ours(dealloc: destructor) -> bool {
    dealloc.is_some_and(|dealloc| OURS.iter().any(|&ours| ours as usize == dealloc as usize))
}

/// Gives a dead object its type back.
///
/// # Safety
/// A head can be read and written at `start`, and is not in use otherwise.
pub(super) unsafe fn undisguise(start: usize) {
    let Some(all) = ALL.get() else { return };
    // SAFETY: the caller's promise.
    unsafe {
        let word = (start + TYPE_WORD) as *mut usize;
        let disguises = all.disguises.as_ptr_range();
        if !(disguises.start as usize..disguises.end as usize).contains(&*word) {
            return;
        }
        let at = (*word - disguises.start as usize) / size_of::<PyTypeObject>();
        if let Some(Some(patched)) = all.types.get(at) {
            *word = patched.ob_type as usize;
        }
    }
}

impl All {
    /// Puts our functions in the slots, or the originals.
    fn replace(&self, on: bool) {
        for (ours, patched) in OURS.into_iter().zip(&self.types) {
            let Some(patched) = patched else { continue };
            // SAFETY: a type's slot is a word that can be written; other interpreters may read it meanwhile.
            let slot = unsafe {
                AtomicUsize::from_ptr((&raw mut (*patched.ob_type).tp_dealloc).cast::<usize>())
            };
            let original = patched.original.map_or(0, |original| original as usize);
            let (from, to) = if on {
                (original, ours as usize)
            } else {
                (ours as usize, original)
            };
            // A function of someone else in the slot stays there. Ours, where it is called all the same, calls the original.
            let _ = slot.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// # Safety
    /// The host's lock is held.
    unsafe fn learn(door: &Door) -> Self {
        // SAFETY: the symbols are CPython's; its own types are static.
        unsafe {
            let host = Host::look(door.symbol);
            let types = KINDS.map(|(name, versions, make)| {
                let ob_type = (door.symbol)(name).cast::<PyTypeObject>();
                (!ob_type.is_null() && versions.contains(&FLAVOUR.minor)).then(|| Patched {
                    ob_type,
                    original: reuse::own_dealloc(ob_type),
                    make,
                })
            });
            let copy = |patched: &Option<Patched>| match patched {
                Some(patched) => PyTypeObject {
                    tp_dealloc: patched.original,
                    ..patched.ob_type.read()
                },
                None => std::mem::zeroed(),
            };
            Self {
                host,
                disguises: types.iter().map(copy).collect(),
                types: types.into(),
            }
        }
    }
}

/// Ends an object of the type at that place, or of a type that has inherited its deallocator.
///
/// # Safety
/// As for any deallocator.
unsafe extern "C" fn dealloc<const AT: usize>(op: *mut PyObject) {
    let Some((all, patched)) = ALL
        .get()
        .and_then(|all| Some((all, all.types[AT].as_ref()?)))
    else {
        return;
    };
    let Some(original) = patched.original else {
        return;
    };
    // SAFETY: the caller's promise is the original's; until that returns, the object can be read.
    unsafe {
        if abi::type_of(op) != patched.ob_type || !quarantine::is_here() {
            return original(op);
        }
        let block = op as usize - abi::presize(op);
        let Some(make) = patched.make else {
            let word = (op as usize + TYPE_WORD) as *mut usize;
            *word = &raw const all.disguises[AT] as usize;
            original(op);
            // Someone may have kept it alive (a watcher of dictionaries). One that waits in the trashcan keeps the disguise.
            if quarantine::is_handed_out(block) && Current::get(PyObject::count(op)) > 0 {
                undisguise(op as usize);
            }
            return;
        };
        if !quarantine::is_handed_out(block) {
            // One that lay in the list before the audit was attached was not seen then.
            blocks::given(
                block,
                abi::presize(op) + (*patched.ob_type).tp_basicsize as usize,
            );
        }
        original(op);
        if quarantine::is_handed_out(block) {
            all.host.take_back(op, make);
        }
    }
}
