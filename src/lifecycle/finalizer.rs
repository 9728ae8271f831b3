//! The last words of an object, which may resurrect it.

use std::ffi::c_int;
use std::ptr::null;

use super::birth::{self, Total};
use super::{brc, count, gc};
use crate::abi::{self, FLAVOUR, Head, PyObject};
use crate::host;
use crate::refcount::{Current, Policy, Released};
use crate::watch::{failure, ref_total, watchers};

/// What became of an object whose finalizer has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Fate {
    /// It is to be ended.
    Dies = 0,
    /// The finalizer has stored a reference somewhere.
    Resurrected = -1,
}

/// Runs an object's `tp_finalize`, once for each container: CPython's `PyObject_CallFinalizer`.
///
/// # Safety
/// `op` is an object.
#[inline]
pub unsafe fn call(op: *mut PyObject) {
    // SAFETY: the caller's promise; a slot is called with an object of its type.
    unsafe {
        let Some(finalize) = (*abi::type_of(op)).tp_finalize else {
            return;
        };
        // As in CPython the flag alone decides, whatever tp_is_gc says.
        if abi::flags_of(op).have_gc() {
            call_once(op, finalize);
        } else {
            finalize(op);
        }
    }
}

/// A container's finalizer. Apart, so that any other is a jump.
#[inline(never)]
unsafe fn call_once(op: *mut PyObject, finalize: unsafe extern "C" fn(*mut PyObject)) {
    // SAFETY: the caller's promise.
    unsafe {
        if !gc::is_finalized(op) {
            finalize(op);
            gc::set_finalized(op);
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
            if FLAVOUR.minor == 8 {
                host::fatal_python_error(&message.to_string_lossy());
            }
            fail(op, message);
        }
        brc::register();
        Current::revive(PyObject::count(op));
        call(op);
        if Current::let_go_alone(PyObject::count(op)) {
            return Fate::Dies;
        }
        if FLAVOUR.minor >= 13 {
            // Before the reference is given back: afterwards the object may be another thread's, and gone.
            birth::resurrect_reference(op);
        }
        if FLAVOUR.ref_debug && brc::owns(op) && !count::is_immortal(op) {
            // CPython's total loses the reference a second time where the owner has to merge for it.
            ref_total::add(-1);
        }
        match Current::let_go(PyObject::count(op)) {
            Released::Dead => {
                watchers::dies_after_all(op);
                return Fate::Dies;
            }
            Released::Negative => fail(op, c"refcount is too small"),
            Released::Owners => brc::hand_over(op, null(), 0),
            Released::Alive | Released::Immortal | Released::Foreign => {}
        }
        if FLAVOUR.minor <= 12 {
            // Up to 3.12 a resurrection is a second birth, whose reference was counted before.
            let left = count::refcnt(op);
            birth::new_reference(op, Total::Counted);
            if FLAVOUR.ref_debug {
                ref_total::add(-1);
            }
            count::set_refcnt(op, left);
        }
        Fate::Resurrected
    }
}

/// The same by a host, which reports no resurrection from 3.14 on. The live table takes the object for alive
/// while its finalizer runs: afterwards it may be another thread's, and gone.
///
/// # Safety
/// `op` is an object whose count has reached zero, and there is a host.
pub unsafe extern "C" fn call_in_host(op: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise is the callees'; every host has the function.
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

#[cold]
unsafe fn fail(op: *mut PyObject, message: &std::ffi::CStr) -> ! {
    let place = c"PyObject_CallFinalizerFromDealloc";
    // SAFETY: any object may be described.
    unsafe { failure::assert_failed(op, message, place, 0, place) }
}
