//! The last words of an object, which may resurrect it.

use super::birth::{self, Total};
use super::{count, gc};
use crate::abi::{self, FLAVOUR, PyObject};
use crate::watch::{failure, ref_total};

/// The bit of `_gc_prev` that says that the finalizer has run.
const FINALIZED: usize = 1;

/// What became of an object whose finalizer has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is to be ended.
    Dies,
    /// The finalizer has stored a reference somewhere.
    Resurrected,
}

/// Runs an object's `tp_finalize`, once for each container: CPython's `PyObject_CallFinalizer`.
///
/// # Safety
/// `op` is an object.
pub unsafe fn call(op: *mut PyObject) {
    // SAFETY: the caller's promise; a slot is called with an object of its type.
    unsafe {
        let Some(finalize) = (*abi::type_of(op)).tp_finalize else {
            return;
        };
        let is_gc = gc::is_gc(op);
        if is_gc && (*gc::head(op))._gc_prev & FINALIZED != 0 {
            return;
        }
        finalize(op);
        if is_gc {
            (*gc::head(op))._gc_prev |= FINALIZED;
        }
    }
}

/// The same for an object without references, from its `tp_dealloc`:
/// `PyObject_CallFinalizerFromDealloc`.
///
/// # Safety
/// `op` is an object whose count has reached zero.
pub unsafe fn call_from_dealloc(op: *mut PyObject) -> Fate {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if count::refcnt(op) != 0 {
            let message =
                c"PyObject_CallFinalizerFromDealloc called on object with a non-zero refcount";
            fail(op, message);
        }
        count::set_refcnt(op, 1);
        call(op);
        let left = count::refcnt(op);
        if left <= 0 {
            fail(op, c"refcount is too small");
        }
        // Storing is nothing to an object that was made immortal meanwhile.
        count::set_refcnt(op, left - 1);
        let left = count::refcnt(op);
        if left == 0 {
            return Fate::Dies;
        }
        if FLAVOUR.minor <= 12 {
            // Up to 3.12 a resurrection is a second birth, whose reference was counted before.
            birth::new_reference(op, Total::Counted);
            if FLAVOUR.ref_debug {
                ref_total::add(-1);
            }
            count::set_refcnt(op, left);
        } else {
            birth::resurrect_reference(op);
        }
        Fate::Resurrected
    }
}

#[cold]
unsafe fn fail(op: *mut PyObject, message: &std::ffi::CStr) -> ! {
    let place = c"PyObject_CallFinalizerFromDealloc";
    // SAFETY: any object may be described.
    unsafe { failure::assert_failed(op, message, place, 0, place) }
}
