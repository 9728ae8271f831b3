//! Deaths: a count has reached zero.

use super::{HOST_OWNS_DEATHS, all_objects, misuse, trashcan};
use crate::abi::{self, FLAVOUR, PyObject};
use crate::host::{self, Host, ThisHost};
use crate::watch::tracer::Tracer;
use crate::watch::{events, live};

/// With fewer units of stack left, 3.14 and later put a dying container aside.
const ASIDE_BELOW: isize = 2;
/// With at least this many units of stack left, the containers that were put aside are ended.
const DRAIN_FROM: isize = 4;

/// Ends an object: CPython's `_Py_Dealloc`.
///
/// # Safety
/// `op` is a complete dying object, and the caller does not use it afterwards.
#[inline]
pub unsafe fn dealloc(op: *mut PyObject) {
    // SAFETY: the check takes any pointer. The other callees ask what the caller promises.
    unsafe {
        misuse::check_death(op);
        if HOST_OWNS_DEATHS && let Some(theirs) = host::originals()._Py_Dealloc {
            events::destroyed(op);
            theirs(op);
        } else if FLAVOUR.dealloc_puts_aside() && abi::flags_of(op).have_gc() {
            dealloc_container(op);
        } else if let Some(end) = events::chosen_death() {
            end(op);
        } else {
            finish(op);
        }
    }
}

/// Ends a container, from 3.14 on: a long chain of containers dies in constant stack, without code in their types.
///
/// # Safety
/// As [`dealloc`], and the type of `op` has `Py_TPFLAGS_HAVE_GC`.
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

/// The death itself: takes the object out of the list, tells the listener, and calls the type's `tp_dealloc`.
///
/// # Safety
/// As [`dealloc`].
#[inline]
pub(super) unsafe fn finish(op: *mut PyObject) {
    // SAFETY: the callees ask what the caller promises.
    unsafe {
        if let Some(slot) = events::listener() {
            return finish_watched(op, slot);
        }
        let dealloc = dealloc_of(op);
        all_objects::forget(op);
        call(dealloc, op);
    }
}

/// The `tp_dealloc` of an object's type.
///
/// # Safety
/// `op` is a dying object.
#[inline]
unsafe fn dealloc_of(op: *mut PyObject) -> unsafe extern "C" fn(*mut PyObject) {
    // SAFETY: the caller promises an object. A type whose instances die has a `tp_dealloc`.
    unsafe { (*abi::type_of(op)).tp_dealloc.unwrap_unchecked() }
}

/// Calls a type's `tp_dealloc`. A debug flavour without a host records where objects died.
///
/// # Safety
/// `dealloc` is the `tp_dealloc` of `op`'s type, and `op` is dying.
#[inline]
pub(super) unsafe fn call(dealloc: unsafe extern "C" fn(*mut PyObject), op: *mut PyObject) {
    if !live::remembers_the_dead() || host::has_interpreter() {
        // SAFETY: a type's `tp_dealloc` may be called with its dying instance.
        return unsafe { dealloc(op) };
    }
    // SAFETY: a type's `tp_dealloc` may be called with its dying instance. Before that call the type can be read.
    unsafe {
        let outer = live::dying(op);
        dealloc(op);
        live::bury(op, outer);
    }
}

/// Tells the listener and calls the type's `tp_dealloc`. This is a separate function so that a death without a listener
/// needs no stack. [`finish_told`] is separate so that a death that only leaves the live table needs none either.
///
/// # Safety
/// As [`dealloc`], and `slot` came from [`events::listener`].
#[inline(never)]
unsafe fn finish_watched(op: *mut PyObject, slot: *mut Tracer) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if FLAVOUR.free_threaded && host::is_awaited() {
            return finish_in_late_host(op);
        }
        // This is read first: a listener may change the object.
        let dealloc = dealloc_of(op);
        all_objects::forget(op);
        if events::leaves_live_table_only(op, slot) {
            return call(dealloc, op);
        }
        finish_told(op, slot, dealloc);
    }
}

/// The first death in a host that was loaded late. In a host of another flavour the type lies at another offset, so it is
/// not read yet. The listener compares the flavours, and ends the process if they differ.
///
/// # Safety
/// As [`dealloc`].
#[cold]
#[inline(never)]
unsafe fn finish_in_late_host(op: *mut PyObject) {
    // SAFETY: this listener does not read the object. It is gone then, and the caller's promise is the callee's.
    unsafe {
        events::destroyed(op);
        finish(op);
    }
}

/// Tells the listener and calls `dealloc`, where more is done than leaving the live table.
///
/// # Safety
/// As [`finish_watched`].
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
