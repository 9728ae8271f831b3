//! Keeps CPython's free lists empty. While the quarantine is on, a dying object is not parked in a free list. So its
//! memory reaches the quarantine.
//!
//! Our function stands in the type's `tp_dealloc` meanwhile, and calls the original. Most originals park only objects
//! of exactly their type. Such an object gets a copy of its type, a disguise, so that its memory is freed. Other
//! originals park any object. Our function takes such an object out of the list again, by creating an object.

use std::ffi::CStr;
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::held_back;
use super::remake::{self, Make, Makers};
use super::reuse;
use crate::abi::{self, FLAVOUR, Head, PyObject, PyTypeObject, destructor};
use crate::audit::heap::blocks;
use crate::audit::heap::host_hooks::HostHooks;
use crate::audit::walk::types::TYPE_WORD;
use crate::refcount::{Current, Policy};

/// A type with a free list, the versions that have the list, and a function that creates an object from it. `None` if
/// the original `tp_dealloc` compares the exact type.
type Listed = (&'static CStr, RangeInclusive<u8>, Option<Make>);

const LISTED: [Listed; 12] = [
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
    // From 3.9 to 3.13 these two types have no list. Our function then finds nothing to take back.
    (c"PyMethod_Type", 8..=15, Some(remake::method)),
    (c"PyCFunction_Type", 8..=15, Some(remake::function)),
];

/// Our function for each of [`LISTED`].
const OURS: [unsafe extern "C" fn(*mut PyObject); LISTED.len()] = [
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

/// A type, its original `tp_dealloc`, and the function that takes an object out of its list.
#[derive(Debug)]
struct Patched {
    ob_type: *mut PyTypeObject,
    original: destructor,
    make: Option<Make>,
}

#[derive(Debug)]
struct All {
    makers: Makers,
    types: Vec<Option<Patched>>,
    /// The disguise of each type; unused for a type that is missing.
    disguises: Vec<PyTypeObject>,
}

// SAFETY: types of the host are static, and the disguises are never written.
unsafe impl Send for All {}
// SAFETY: as for `Send`.
unsafe impl Sync for All {}

static ALL: OnceLock<All> = OnceLock::new();

/// Puts our functions in the types' `tp_dealloc`, or restores the originals.
///
/// # Safety
/// The host's lock is held.
pub(in crate::audit) unsafe fn switch(hooks: &HostHooks, on: bool) {
    // A debug build ends the process at the first count below zero. It also lists all objects, which our functions
    // don't.
    if FLAVOUR.is_debug() || FLAVOUR.free_threaded {
        return;
    }
    // SAFETY: the caller's promise is the callee's.
    let all = ALL.get_or_init(|| unsafe { All::learn(hooks) });
    reuse::trust(|| OURS.iter().map(|&ours| ours as usize).collect());
    // `reuse` checks again which types keep memory whenever our functions come or go.
    // SAFETY: the caller's promise is the callee's.
    unsafe { reuse::apart(|| all.replace(on)) };
}

/// Restores the type of a dead object with a disguise.
///
/// # Safety
/// A head at `start` can be read and written, and nothing else uses it.
pub(in crate::audit) unsafe fn undisguise(start: usize) {
    let Some(all) = ALL.get() else { return };
    // SAFETY: a head at `start` can be read and written.
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
            // SAFETY: the type is static and its slot an aligned, writable word. Other interpreters may read it
            // meanwhile.
            let slot = unsafe {
                AtomicUsize::from_ptr((&raw mut (*patched.ob_type).tp_dealloc).cast::<usize>())
            };
            let original = patched.original.map_or(0, |original| original as usize);
            let (from, to) = if on {
                (original, ours as usize)
            } else {
                (ours as usize, original)
            };
            // If another function stands in the slot, it stays. If it calls ours later, ours calls the original.
            let _ = slot.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Learns the types and the functions of the host.
    ///
    /// # Safety
    /// The host's lock is held.
    unsafe fn learn(hooks: &HostHooks) -> Self {
        // SAFETY: the host's lock is held, each symbol is a type of CPython, and such types are static. Zeroes are a
        // valid type.
        unsafe {
            let makers = Makers::look(hooks.symbol);
            let types = LISTED.map(|(name, versions, make)| {
                let ob_type = (hooks.symbol)(name).cast::<PyTypeObject>();
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
                makers,
                disguises: types.iter().map(copy).collect(),
                types: types.into(),
            }
        }
    }
}

/// Ends an object of the type with the index `AT`, or of a subclass that has inherited this function.
///
/// # Safety
/// `op` is an object without references, and the host's lock is held.
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
    // SAFETY: the original asks for what the caller promises. Afterwards the object is read only if its block is still
    // in use.
    unsafe {
        if abi::type_of(op) != patched.ob_type || !held_back::is_here() {
            return original(op);
        }
        let block = op as usize - abi::presize(op);
        if blocks::is_held_back(block) {
            // The object died before. It got a reference since, and has lost it.
            return;
        }
        let Some(make) = patched.make else {
            let word = (op as usize + TYPE_WORD) as *mut usize;
            *word = &raw const all.disguises[AT] as usize;
            original(op);
            // A watcher of dictionaries may have kept the object alive. An object that waits in the trashcan keeps the
            // disguise.
            if held_back::is_handed_out(block) && Current::get(PyObject::count(op)) > 0 {
                undisguise(op as usize);
            }
            return;
        };
        if !held_back::is_handed_out(block) {
            // The block was parked in the list before the audit was attached, and has no entry yet.
            blocks::adopted(
                block,
                abi::presize(op) + (*patched.ob_type).tp_basicsize as usize,
            );
        }
        original(op);
        if held_back::is_handed_out(block) {
            all.makers.take_back(op, make);
        }
    }
}
