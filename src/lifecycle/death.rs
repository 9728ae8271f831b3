//! What happens when a count reaches zero.

use super::{HOST_OWNS_DEATHS, all_objects, misuse, trashcan};
use crate::abi::{self, FLAVOUR, PyObject};
use crate::host::{self, Host, ThisHost};
use crate::watch::tracer::Tracer;
use crate::watch::{events, live};

/// Below so many units of stack, 3.14 and later put a dying container aside.
const ASIDE_BELOW: isize = 2;
/// With so many units of stack left, what was put aside is ended.
const DRAIN_FROM: isize = 4;

/// Ends an object: CPython's `_Py_Dealloc`.
///
/// # Safety
/// `op` is a complete object without references, and is not used afterwards.
#[inline]
pub unsafe fn dealloc(op: *mut PyObject) {
    // SAFETY: the check takes anything; the rest is the caller's promise.
    unsafe {
        misuse::check_death(op);
        if HOST_OWNS_DEATHS && let Some(theirs) = host::originals()._Py_Dealloc {
            events::destroyed(op);
            theirs(op);
        } else if FLAVOUR.minor >= 14 && abi::flags_of(op).have_gc() {
            dealloc_container(op);
        } else if let Some(end) = events::chosen_death() {
            end(op);
        } else {
            finish(op);
        }
    }
}

/// From 3.14 on a chain of containers dies in constant stack without their types doing anything for it.
unsafe fn dealloc_container(op: *mut PyObject) {
    let margin = ThisHost::stack_margin();
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if margin < ASIDE_BELOW {
            trashcan::put_aside(op);
            return;
        }
        finish(op);
        if margin >= DRAIN_FROM {
            trashcan::drain();
        }
    }
}

/// The death itself: out of the lists, the watchers told, the type's function called.
///
/// # Safety
/// As [`dealloc`].
#[inline]
pub(super) unsafe fn finish(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'; a type whose instances die has a function for it.
    unsafe {
        // Read before anything else: a listener may change the object.
        let dealloc = (*abi::type_of(op)).tp_dealloc.unwrap_unchecked();
        all_objects::forget(op);
        if let Some(slot) = events::listener() {
            return finish_watched(op, slot, dealloc);
        }
        call(dealloc, op);
    }
}

/// Calls a type's function. A debug flavour without a host remembers where objects died.
///
/// # Safety
/// `dealloc` is the `tp_dealloc` of `op`'s type, and `op` is dying.
#[inline]
pub(super) unsafe fn call(dealloc: unsafe extern "C" fn(*mut PyObject), op: *mut PyObject) {
    if !live::remembers_the_dead() || host::has_interpreter() {
        // SAFETY: the caller's promise.
        return unsafe { dealloc(op) };
    }
    // SAFETY: the caller's promise; a dying object's type can be read.
    unsafe {
        let outer = live::dying(op);
        dealloc(op);
        live::bury(op, outer);
    }
}

/// The same where there is a listener. A function of its own, so that a death without one needs no stack; and in two, so
/// that a death that only leaves the live table needs none either.
#[inline(never)]
unsafe fn finish_watched(
    op: *mut PyObject,
    slot: *mut Tracer,
    dealloc: unsafe extern "C" fn(*mut PyObject),
) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if events::leaves_live_table_only(op, slot) {
            return call(dealloc, op);
        }
        finish_told(op, slot, dealloc);
    }
}

#[cold]
#[inline(never)]
unsafe fn finish_told(
    op: *mut PyObject,
    slot: *mut Tracer,
    dealloc: unsafe extern "C" fn(*mut PyObject),
) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        events::destroyed_in(op, slot);
        call(dealloc, op);
    }
}
