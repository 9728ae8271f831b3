//! The first reference.

use super::{HOST_OWNS_BIRTHS, all_objects, brc, count};
use crate::abi::{FLAVOUR, Head, Py_ssize_t, PyObject, PyTypeObject, PyVarObject, TypeFlags};
use crate::host::{self, Chosen};
use crate::refcount::{Current, Policy};
use crate::watch::tracer::Tracer;
use crate::watch::{events, ref_total, tracemalloc, watchers};

/// Whether a birth adds to the total of all references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// It does: the reference is new.
    Counted,
    /// It does not: the reference was counted before, and the object has only moved.
    Unchanged,
}

/// Gives an object its first reference: CPython's `_Py_NewReference`.
///
/// # Safety
/// `op` is memory of an object whose type has been set and that is in no list of objects.
#[inline]
pub unsafe fn new_reference(op: *mut PyObject, total: Total) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        let theirs = match total {
            Total::Counted => host::originals()._Py_NewReference,
            Total::Unchanged => host::originals()._Py_NewReferenceNoTotal,
        };
        if HOST_OWNS_BIRTHS && let Some(theirs) = theirs {
            leave_to_host(op, theirs);
        } else {
            new_here(op, total);
        }
    }
}

/// A birth that is ours.
#[inline]
unsafe fn new_here(op: *mut PyObject, total: Total) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if FLAVOUR.minor <= 11 && tracemalloc::is_tracing() {
            // A jump out of the way: nothing is kept for a return.
            return traced(op);
        }
        let unknown = brc::unknown();
        counted(op, total);
        if !FLAVOUR.free_threaded {
            events::created(op);
        } else if unknown | events::heard() != 0 {
            // One look at both.
            announce(op);
        }
    }
}

/// What is left to do where there is a listener, and at a thread's first birth: no other thread has the object yet.
#[inline(never)]
unsafe fn announce(op: *mut PyObject) {
    brc::register();
    // SAFETY: the caller's promise is the callee's.
    unsafe { events::created(op) }
}

type Birth = unsafe extern "C" fn(*mut PyObject);

/// What the exported births do without a host. With one, each is the host's own function.
static BIRTHS: [Chosen<Birth>; 2] = [Chosen::new(born), Chosen::new(born_again)];

/// [`new_reference`] for a function that does nothing else, which is a jump then.
///
/// # Safety
/// As [`new_reference`].
#[inline]
pub unsafe fn new_reference_only(op: *mut PyObject, total: Total) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if HOST_OWNS_BIRTHS {
            BIRTHS[total as usize].get()(op)
        } else {
            new_reference(op, total)
        }
    }
}

/// From now on births are the host's, where they are to be.
///
/// # Safety
/// Callers take turns.
pub unsafe fn follow_host() {
    let host = host::originals();
    // SAFETY: the caller's promise is the callee's.
    unsafe {
        if host._Py_NewReference.is_some() {
            BIRTHS[Total::Counted as usize].set(born_in_host);
        }
        if host._Py_NewReferenceNoTotal.is_some() {
            BIRTHS[Total::Unchanged as usize].set(born_again_in_host);
        }
    }
}

unsafe extern "C" fn born(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { new_here(op, Total::Counted) }
}

unsafe extern "C" fn born_again(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { new_here(op, Total::Unchanged) }
}

unsafe extern "C" fn born_in_host(op: *mut PyObject) {
    // SAFETY: chosen where there is one; the caller's promise.
    unsafe { leave_to_host(op, host::originals()._Py_NewReference.unwrap_unchecked()) }
}

unsafe extern "C" fn born_again_in_host(op: *mut PyObject) {
    // SAFETY: as above.
    unsafe {
        leave_to_host(
            op,
            host::originals()._Py_NewReferenceNoTotal.unwrap_unchecked(),
        )
    }
}

/// A birth that is the host's.
#[inline]
unsafe fn leave_to_host(op: *mut PyObject, theirs: Birth) {
    // SAFETY: the host's own function, and the caller's promise.
    unsafe {
        match events::listener() {
            Some(slot) => by_host(op, theirs, slot),
            // A jump: nothing is left to do afterwards.
            None => theirs(op),
        }
    }
}

/// A birth that is the host's, where there is a listener.
#[inline(never)]
unsafe fn by_host(op: *mut PyObject, theirs: Birth, slot: *mut Tracer) {
    // SAFETY: the host's own function, and the caller's promise.
    unsafe {
        theirs(op);
        events::created_in(op, slot);
    }
}

/// The birth itself: the order of its steps can't be seen from outside.
#[inline]
unsafe fn counted(op: *mut PyObject, total: Total) {
    if FLAVOUR.ref_debug && total == Total::Counted {
        ref_total::add(1);
    }
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        Current::birth(PyObject::count(op));
        all_objects::add(op, all_objects::Entry::Force);
    }
}

/// A birth while tracemalloc traces, up to 3.11: the block's traceback is renewed first.
#[cold]
unsafe fn traced(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match host::originals()._Py_NewReference {
            // The host's own birth does just that, from where its hidden hook can be reached.
            Some(theirs) => theirs(op),
            None => {
                tracemalloc::new_reference(op);
                counted(op, Total::Counted);
            }
        }
        events::created(op);
    }
}

/// Takes a birth back that was ours, before the host is known whose it should have been.
///
/// # Safety
/// `op` was given to [`new_reference`], and no listener has heard of it.
pub unsafe fn undo(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { all_objects::forget(op) };
    if FLAVOUR.ref_debug {
        ref_total::add(-1);
    }
}

/// Tells the watchers that a finalizer has kept a dying object alive: `_Py_ResurrectReference`.
///
/// # Safety
/// `op` is an object that is in no list of objects.
#[inline]
pub unsafe fn resurrect_reference(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if FLAVOUR.trace_refs && host::originals()._Py_ResurrectReference.is_none() {
            all_objects::add(op, all_objects::Entry::Force);
        }
        watchers::chosen_resurrection()(op);
    }
}

/// Makes an object of memory: CPython's `PyObject_Init`. NULL where there is no memory.
///
/// # Safety
/// `op` is NULL or memory of at least the type's basic size; `ob_type` is a type.
pub unsafe fn init(op: *mut PyObject, ob_type: *mut PyTypeObject) -> *mut PyObject {
    if op.is_null() {
        // The host sets its MemoryError.
        let theirs = host::originals().PyObject_Init;
        // SAFETY: the host's own function takes NULL.
        return theirs.map_or(op, |theirs| unsafe { theirs(op, ob_type) });
    }
    // SAFETY: the caller's promise; a type is an object too.
    unsafe {
        if FLAVOUR.free_threaded
            && FLAVOUR.minor >= 14
            && TypeFlags((*ob_type).tp_flags).is_heap_type()
            && let Some(theirs) = host::originals().PyObject_Init
        {
            // Only the host can count references to a heap type where it keeps them; it comes back for the birth.
            return theirs(op, ob_type);
        }
        (*op).ob_type = ob_type;
        if FLAVOUR.minor >= 13 || TypeFlags((*ob_type).tp_flags).is_heap_type() {
            count::acquire(ob_type.cast());
        }
        new_reference(op, Total::Counted);
    }
    op
}

/// Makes an object with items of memory: CPython's `PyObject_InitVar`. NULL where there is no memory.
///
/// # Safety
/// `op` is NULL or memory of at least the type's basic size and `size` items; `ob_type` is a type.
pub unsafe fn init_var(
    op: *mut PyVarObject,
    ob_type: *mut PyTypeObject,
    size: Py_ssize_t,
) -> *mut PyVarObject {
    // SAFETY: the caller's promise; it can't be seen whether the size is stored before the birth, as up
    // to 3.11, or after it.
    unsafe {
        if !op.is_null() {
            (*op).ob_size = size;
        }
        init(op.cast(), ob_type).cast()
    }
}

/// Bytes of an instance with so many items, rounded up as CPython's `_PyObject_VAR_SIZE` does.
///
/// # Safety
/// `ob_type` is a type.
#[must_use]
pub unsafe fn size_of_instance(ob_type: *mut PyTypeObject, items: Py_ssize_t) -> usize {
    // SAFETY: the caller's promise.
    let (basic, item) = unsafe { ((*ob_type).tp_basicsize, (*ob_type).tp_itemsize) };
    let bytes = basic.saturating_add(items.saturating_mul(item)).max(0) as usize;
    bytes.checked_next_multiple_of(8).unwrap_or(usize::MAX)
}
