//! Births: an object gets its first reference.

use super::{HOST_OWNS_BIRTHS, all_objects, count, merge};
use crate::abi::{FLAVOUR, Head, Py_ssize_t, PyObject, PyTypeObject, PyVarObject, TypeFlags};
use crate::host::{self, FunctionSlot};
use crate::refcount::{Current, Policy};
use crate::watch::tracer::Tracer;
use crate::watch::{events, ref_total, tracemalloc, watchers};

/// Whether a birth adds to the total of all references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// The total grows: the reference is new.
    Counted,
    /// The total stays: the object has only moved, and its reference was counted before.
    Unchanged,
}

/// Gives an object its first reference: CPython's `_Py_NewReference`.
///
/// # Safety
/// `op` is an object, except that its count need not be set. It is in no list of all objects.
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

/// A birth by this library.
///
/// # Safety
/// As [`new_reference`].
#[inline]
unsafe fn new_here(op: *mut PyObject, total: Total) {
    // SAFETY: `traced` and `counted` ask what the caller promises. Then `op` has a count, and so is an object.
    unsafe {
        if FLAVOUR.exports_variables() && tracemalloc::is_tracing() {
            // A tail call, so that the usual path saves no registers.
            return traced(op);
        }
        let unknown = merge::unknown();
        counted(op, total);
        if !FLAVOUR.free_threaded {
            events::created(op);
        } else if unknown | events::heard() != 0 {
            // One test for both conditions.
            announce(op);
        }
    }
}

/// Registers the thread and tells the listener. Called where there is a listener, and at a thread's first birth. It may
/// come after the count is written: no other thread has the object yet.
///
/// # Safety
/// `op` is an object.
#[inline(never)]
unsafe fn announce(op: *mut PyObject) {
    merge::register();
    // SAFETY: the caller's promise is the callee's.
    unsafe { events::created(op) }
}

type Birth = unsafe extern "C" fn(*mut PyObject);

/// The functions that the exported births call. [`follow_host`] replaces them in a host.
static BIRTHS: [FunctionSlot<Birth>; 2] = [FunctionSlot::new(born), FunctionSlot::new(born_again)];

/// [`new_reference`] for a function that does nothing else, and is compiled to a jump then.
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

/// Makes the exported births call the host's functions from now on.
///
/// # Safety
/// No other thread calls this library meanwhile.
pub unsafe fn follow_host() {
    let host = host::originals();
    // SAFETY: no other thread calls this library, so none uses a slot meanwhile.
    unsafe {
        if host._Py_NewReference.is_some() {
            BIRTHS[Total::Counted as usize].set(born_in_host);
        }
        if host._Py_NewReferenceNoTotal.is_some() {
            BIRTHS[Total::Unchanged as usize].set(born_again_in_host);
        }
    }
}

/// # Safety
/// As [`new_reference`].
unsafe extern "C" fn born(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { new_here(op, Total::Counted) }
}

/// # Safety
/// As [`new_reference`].
unsafe extern "C" fn born_again(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { new_here(op, Total::Unchanged) }
}

/// # Safety
/// As [`new_reference`].
unsafe extern "C" fn born_in_host(op: *mut PyObject) {
    // SAFETY: this is chosen only where the host has `_Py_NewReference`, which asks what the caller promises.
    unsafe { leave_to_host(op, host::originals()._Py_NewReference.unwrap_unchecked()) }
}

/// # Safety
/// As [`new_reference`].
unsafe extern "C" fn born_again_in_host(op: *mut PyObject) {
    // SAFETY: this is chosen only where the host has `_Py_NewReferenceNoTotal`, which asks what the caller promises.
    unsafe {
        leave_to_host(
            op,
            host::originals()._Py_NewReferenceNoTotal.unwrap_unchecked(),
        )
    }
}

/// A birth by the host's function `theirs`.
///
/// # Safety
/// As [`new_reference`].
#[inline]
unsafe fn leave_to_host(op: *mut PyObject, theirs: Birth) {
    // SAFETY: `theirs` is the host's function for births, and asks what the caller promises.
    unsafe {
        match events::listener() {
            Some(slot) => by_host(op, theirs, slot),
            // A tail call: nothing is left to do afterwards.
            None => theirs(op),
        }
    }
}

/// A birth by the host's function `theirs`, where there is a listener.
///
/// # Safety
/// As [`new_reference`], and `slot` came from [`events::listener`].
#[inline(never)]
unsafe fn by_host(op: *mut PyObject, theirs: Birth, slot: *mut Tracer) {
    // SAFETY: `theirs` is the host's function for births, and asks what the caller promises. Afterwards `op` has a
    // count.
    unsafe {
        theirs(op);
        events::created_in(op, slot);
    }
}

/// Writes the count, and enters the object into the total and the list of all objects. The order of these steps makes
/// no difference: nothing else runs between them.
///
/// # Safety
/// As [`new_reference`].
#[inline]
unsafe fn counted(op: *mut PyObject, total: Total) {
    // SAFETY: a birth takes a count of any value. Then `op` is an object, and is in no list, as the caller promises.
    unsafe {
        if FLAVOUR.ref_debug && total == Total::Counted {
            ref_total::add(1);
        }
        Current::birth(PyObject::count(op));
        all_objects::add(op, all_objects::Entry::Force);
    }
}

/// A birth up to 3.11 while tracemalloc traces. The block first gets the traceback of this birth.
///
/// # Safety
/// As [`new_reference`].
#[cold]
unsafe fn traced(op: *mut PyObject) {
    // SAFETY: the host's function and `counted` ask what the caller promises; tracemalloc needs the type only. Then
    // `op` has a count, and so is an object.
    unsafe {
        match host::originals()._Py_NewReference {
            // The host's function does this too. Only the host can call its own hook, which it does not export.
            Some(theirs) => theirs(op),
            None => {
                tracemalloc::new_reference(op);
                counted(op, Total::Counted);
            }
        }
        events::created(op);
    }
}

/// Takes back a birth that this library did before it knew the host. The host does that birth instead.
///
/// # Safety
/// [`new_reference`] was called with `op`, and no listener heard of it. `op` is an object.
pub unsafe fn undo(op: *mut PyObject) {
    // SAFETY: `op` is an object, as the callees ask.
    unsafe {
        all_objects::forget(op);
        if FLAVOUR.ref_debug {
            ref_total::add(-1);
        }
    }
}

/// Tells the watchers that a finalizer has kept a dying object alive: `_Py_ResurrectReference`.
///
/// # Safety
/// `op` is an object that is in no list of all objects.
#[inline]
pub unsafe fn resurrect_reference(op: *mut PyObject) {
    // SAFETY: `op` is an object that is in no list, as the callees ask.
    unsafe {
        if FLAVOUR.trace_refs && host::originals()._Py_ResurrectReference.is_none() {
            all_objects::add(op, all_objects::Entry::Force);
        }
        watchers::chosen_resurrection()(op);
    }
}

/// Makes an object in given memory: CPython's `PyObject_Init`. Returns `op`. NULL stands for an allocation that failed.
///
/// # Safety
/// `op` is NULL, or aligned, writable memory of at least the type's basic size that is in no list of all objects. The
/// block also holds the bytes in front of `op` that the type asks for. `ob_type` is a type.
pub unsafe fn init(op: *mut PyObject, ob_type: *mut PyTypeObject) -> *mut PyObject {
    if op.is_null() {
        // The host raises MemoryError.
        let theirs = host::originals().PyObject_Init;
        // SAFETY: the host's function takes NULL.
        return theirs.map_or(op, |theirs| unsafe { theirs(op, ob_type) });
    }
    // SAFETY: the caller promises memory for an object that is in no list, and a type. With its type, the memory is all
    // that a birth asks for. A reference to a type may be added.
    unsafe {
        if FLAVOUR.free_threaded
            && FLAVOUR.counts_deferred_apart()
            && TypeFlags((*ob_type).tp_flags).is_heap_type()
            && let Some(theirs) = host::originals().PyObject_Init
        {
            // The host keeps references to heap types in tables of each thread, which only it can reach. Its function
            // then calls `_Py_NewReference`, which may be this library's.
            return theirs(op, ob_type);
        }
        (*op).ob_type = ob_type;
        if FLAVOUR.counts_static_types() || TypeFlags((*ob_type).tp_flags).is_heap_type() {
            count::acquire(ob_type.cast());
        }
        new_reference(op, Total::Counted);
    }
    op
}

/// Makes an object with items in given memory: CPython's `PyObject_InitVar`. Returns `op`. NULL stands for an
/// allocation that failed.
///
/// # Safety
/// As [`init`], and the memory also has room for `size` items.
pub unsafe fn init_var(
    op: *mut PyVarObject,
    ob_type: *mut PyTypeObject,
    size: Py_ssize_t,
) -> *mut PyVarObject {
    // The size is stored before the birth, as CPython does up to 3.11. Later versions store it after the birth.
    // SAFETY: the caller promises memory for an object with items, and the callee asks no more.
    unsafe {
        if !op.is_null() {
            (*op).ob_size = size;
        }
        init(op.cast(), ob_type).cast()
    }
}

/// The bytes of an instance with `items` items, rounded up as CPython's `_PyObject_VAR_SIZE` does.
///
/// # Safety
/// `ob_type` is a type.
#[must_use]
pub unsafe fn size_of_instance(ob_type: *mut PyTypeObject, items: Py_ssize_t) -> usize {
    // SAFETY: a type can be read.
    let (basic, item) = unsafe { ((*ob_type).tp_basicsize, (*ob_type).tp_itemsize) };
    let bytes = basic.saturating_add(items.saturating_mul(item)).max(0) as usize;
    bytes.checked_next_multiple_of(8).unwrap_or(usize::MAX)
}
