//! Finalizers, which may resurrect an object.

use std::ffi::c_int;
use std::ptr::null;

use super::birth::{self, Total};
use super::{gc, merge, refcnt};
use crate::abi::{self, FLAVOUR, Head, PyObject};
use crate::host;
use crate::refcount::{Current, Policy, Released};
use crate::watch::{failure, ref_total, watchers};

/// Whether an object still dies after its finalizer has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Fate {
    /// The object has no references, and its `tp_dealloc` must go on.
    Dies = 0,
    /// The finalizer has stored a new reference, and the object lives on.
    Resurrected = -1,
}

/// Runs an object's `tp_finalize`, once for each container: CPython's `PyObject_CallFinalizer`.
///
/// # Safety
/// `op` is an object.
#[inline]
pub unsafe fn call(op: *mut PyObject) {
    // SAFETY: an object's type can be read, and its slots may be called with the object.
    unsafe {
        let Some(finalize) = (*abi::type_of(op)).tp_finalize else {
            return;
        };
        // As in CPython, the flag alone decides, and `tp_is_gc` is not called.
        if abi::flags_of(op).have_gc() {
            call_once(op, finalize);
        } else {
            finalize(op);
        }
    }
}

/// Runs a container's finalizer, if it has not run yet. A separate function, so that any other finalizer is a tail
/// call.
///
/// # Safety
/// `op` is an object whose type has `Py_TPFLAGS_HAVE_GC` and this `tp_finalize`.
#[inline(never)]
unsafe fn call_once(op: *mut PyObject, finalize: unsafe extern "C" fn(*mut PyObject)) {
    // SAFETY: the flag says that `op` has a head or, free-threaded, a byte for the collector. `finalize` is its type's
    // slot.
    unsafe {
        if !gc::is_finalized(op) {
            finalize(op);
            gc::set_finalized(op);
        }
    }
}

/// Runs the finalizer of a dying object, from its `tp_dealloc`: `PyObject_CallFinalizerFromDealloc`.
///
/// # Safety
/// `op` is a dying object.
pub unsafe fn call_from_dealloc(op: *mut PyObject) -> Fate {
    // SAFETY: `op` is dying, so it may be counted, and its death has taken it out of the list of all objects. Until
    // `let_go`, the reference from `revive` is the caller's. Only biased counting returns `Owners`, and then that
    // reference is left.
    unsafe {
        if refcnt::refcnt(op) != 0 {
            let message =
                c"PyObject_CallFinalizerFromDealloc called on object with a non-zero refcount";
            if FLAVOUR.has_old_messages() {
                host::fatal_python_error(&message.to_string_lossy());
            }
            fail(op, message);
        }
        merge::register();
        Current::revive(PyObject::count(op));
        call(op);
        if Current::let_go_alone(PyObject::count(op)) {
            return Fate::Dies;
        }
        if !FLAVOUR.resurrects_by_birth() {
            // This comes before the reference is given back: afterwards another thread may end the object at any time.
            birth::resurrect_reference(op);
        }
        if FLAVOUR.ref_debug && merge::owns(op) && !refcnt::is_immortal(op) {
            // Where the owner merges, CPython subtracts the reference from the total a second time.
            ref_total::add(-1);
        }
        match Current::let_go(PyObject::count(op)) {
            Released::Dead => {
                watchers::dies_after_all(op);
                return Fate::Dies;
            }
            Released::Negative => fail(op, c"refcount is too small"),
            Released::Owners => merge::hand_over(op, null(), 0),
            Released::Alive | Released::Immortal | Released::Foreign => {}
        }
        if FLAVOUR.resurrects_by_birth() {
            // Up to 3.12 a resurrection is a second birth. Its reference was counted before, so the total does not
            // grow.
            let left = refcnt::refcnt(op);
            birth::new_reference(op, Total::Counted);
            if FLAVOUR.ref_debug {
                ref_total::add(-1);
            }
            refcnt::set_refcnt(op, left);
        }
        Fate::Resurrected
    }
}

/// Lets the host run the finalizer of a dying object. From 3.14 on the host does not report a resurrection. So the live
/// table takes the object for live before its finalizer runs: afterwards another thread may end it at any time.
///
/// # Safety
/// `op` is a dying object, and there is a host.
pub unsafe extern "C" fn call_in_host(op: *mut PyObject) -> c_int {
    // SAFETY: the callees ask what the caller promises, and every host has the function.
    unsafe {
        let theirs = host::originals()
            .PyObject_CallFinalizerFromDealloc
            .unwrap_unchecked();
        watchers::may_live_on(op);
        watchers::begin_resurrection();
        let fate = theirs(op);
        if fate == 0 {
            watchers::dies_after_all(op);
        } else {
            watchers::count_once(op);
        }
        fate
    }
}

/// Ends the process with `message`.
///
/// # Safety
/// `op` may be any pointer.
#[cold]
unsafe fn fail(op: *mut PyObject, message: &std::ffi::CStr) -> ! {
    let place = c"PyObject_CallFinalizerFromDealloc";
    // SAFETY: the callee takes any pointer.
    unsafe { failure::assert_failed(op, message, place, 0, place) }
}
