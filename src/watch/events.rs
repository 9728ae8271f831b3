//! Births and deaths are announced to one slot, in front of all others.
//!
//! Where nothing of ours watches, the front is the tracer's own slot (in a host of 3.13, the host's), so that
//! watching costs nothing; otherwise it is ours, and what stands there passes everything on.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::live;
use super::tracer::{self, CREATE, DESTROY, Place, Tracer};
use crate::abi::{self, FLAVOUR, PyObject};
use crate::host::Chosen;

/// The slot that stands in front when something of ours watches; up to 3.12, where no interpreter has a slot of
/// its own, always.
static FRONT: Place = Place::new();
/// From 3.13 on: the slot that stands in front.
static CURRENT: AtomicPtr<Tracer> = AtomicPtr::new(tracer::users());

#[inline]
fn front() -> *mut Tracer {
    // Relaxed: the slots themselves are static and initialised.
    if FLAVOUR.minor >= 13 {
        CURRENT.load(Ordering::Relaxed)
    } else {
        FRONT.get()
    }
}

/// Up to 3.12, release: what ends an object, chosen anew with each listener. CPython's deaths have no hook there,
/// and this way ours cost one jump more and no look.
static DEATH: Chosen<unsafe extern "C" fn(*mut PyObject)> = Chosen::new(end);

/// What ends an object, where it is chosen beforehand: nothing is left to be done by the caller then.
#[inline]
#[must_use]
pub fn chosen_death() -> Option<unsafe extern "C" fn(*mut PyObject)> {
    (FLAVOUR.minor <= 12 && !FLAVOUR.is_debug()).then(|| DEATH.get())
}

/// Calls the type's function, where there is no listener.
unsafe extern "C" fn end(op: *mut PyObject) {
    // SAFETY: a type whose instances die has a function for it.
    unsafe { (*abi::type_of(op)).tp_dealloc.unwrap_unchecked()(op) }
}

/// The same where there is a listener; in two functions, so that a death that only leaves the live table needs no stack.
unsafe extern "C" fn tell_and_end(op: *mut PyObject) {
    // SAFETY: as above.
    unsafe {
        // Read before anything else: a listener may change the object.
        let dealloc = (*abi::type_of(op)).tp_dealloc.unwrap_unchecked();
        if leaves_live_table_only(op, FRONT.get()) {
            return dealloc(op);
        }
        told_and_end(op, dealloc);
    }
}

#[cold]
#[inline(never)]
unsafe fn told_and_end(op: *mut PyObject, dealloc: unsafe extern "C" fn(*mut PyObject)) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        tracer::tell(FRONT.get(), op, DESTROY);
        dealloc(op);
    }
}

/// Puts a tracer of ours in front, or `None` of them.
pub(super) fn put_in_front(ours: Option<Tracer>) {
    // SAFETY: callers take turns, so no other thread reads the slot or the choice meanwhile.
    unsafe {
        *FRONT.get() = ours.unwrap_or_else(tracer::get);
        let heard = (*FRONT.get()).function.is_some();
        DEATH.set(if heard { tell_and_end } else { end });
    }
    let slot = if ours.is_some() {
        FRONT.get()
    } else {
        tracer::slot()
    };
    CURRENT.store(slot, Ordering::Relaxed);
}

/// The listener's slot, or `None` where there is no listener.
#[inline]
pub fn listener() -> Option<*mut Tracer> {
    let slot = front();
    // SAFETY: what stands in front lives for good.
    unsafe { (*slot).function.is_some() }.then_some(slot)
}

/// Not zero where there is a listener.
#[inline]
#[must_use]
pub fn heard() -> usize {
    // SAFETY: what stands in front lives for good.
    unsafe { (*front()).function }.map_or(0, |function| function as usize)
}

/// Tells the listener that an object was born.
///
/// # Safety
/// `op` is an object with its count and type set.
#[inline]
pub unsafe fn created(op: *mut PyObject) {
    if let Some(slot) = listener() {
        // SAFETY: the caller's promise is the callee's.
        unsafe { created_in(op, slot) }
    }
}

/// The same where `slot` is known to listen. A function of its own, so that a birth without a listener needs no stack.
///
/// # Safety
/// As [`created`], and `slot` came from [`listener`].
#[inline(never)]
pub unsafe fn created_in(op: *mut PyObject, slot: *mut Tracer) {
    // SAFETY: the caller's promise is the callees'; the live table is open while it is kept.
    unsafe {
        if !(keeps_live_table_only(slot) && live::born_quickly(op)) {
            tracer::tell(slot, op, CREATE);
        }
    }
}

/// Tells the listener that an object is about to die.
///
/// # Safety
/// `op` is an object that is still complete.
#[inline]
pub unsafe fn destroyed(op: *mut PyObject) {
    if let Some(slot) = listener() {
        // SAFETY: the caller's promise is the callee's.
        unsafe { destroyed_in(op, slot) }
    }
}

/// The same where `slot` is known to listen.
///
/// # Safety
/// As [`destroyed`], and `slot` came from [`listener`].
#[inline]
pub unsafe fn destroyed_in(op: *mut PyObject, slot: *mut Tracer) {
    // SAFETY: the caller's promise is the callees'; the live table is open while it is kept.
    unsafe {
        if !leaves_live_table_only(op, slot) {
            tracer::tell(slot, op, DESTROY);
        }
    }
}

/// Where a dying object has only to leave the live table: takes it out, and is true.
///
/// # Safety
/// As [`destroyed_in`].
#[inline]
pub unsafe fn leaves_live_table_only(op: *mut PyObject, slot: *mut Tracer) -> bool {
    // SAFETY: the caller's promise is the callees'; the live table is open while it is kept.
    unsafe { keeps_live_table_only(slot) && live::died_quickly(op) }
}

/// Whether all there is to do is a mark in the live table, with no listener behind it.
#[inline]
unsafe fn keeps_live_table_only(slot: *mut Tracer) -> bool {
    // SAFETY: the caller's slots live for good. Up to 3.12 no listener gets behind ours without this library's knowledge.
    unsafe {
        (*slot)
            .function
            .is_some_and(|function| function as usize == keep_live_table as *const () as usize)
            && (FLAVOUR.minor <= 12 || (*tracer::slot()).function.is_none())
    }
}

/// The tracer in front when only the live table is kept, for callers that call it as a tracer.
pub(super) unsafe extern "C" fn keep_live_table(
    op: *mut PyObject,
    event: c_int,
    _data: *mut c_void,
) -> c_int {
    // SAFETY: a tracer is told of complete objects.
    unsafe {
        match event {
            CREATE => live::born(op),
            _ => live::died(op),
        }
        tracer::tell(tracer::slot(), op, event);
    }
    0
}
