//! Announces births and deaths to one tracer slot: the front slot.
//!
//! While no watcher is on, the front slot is the slot of `PyRefTracer_SetTracer` (in a host of 3.13, the host's), so
//! watching costs nothing. Otherwise it is our slot. Its tracer passes each event on to the tracer of
//! `PyRefTracer_SetTracer`.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::live;
use super::tracer::{self, CREATE, DESTROY, Slot, Tracer};
use crate::abi::{self, FLAVOUR, PyObject};
use crate::host::FunctionSlot;

/// Our slot: the front slot while a watcher is on. Up to 3.12 it is always the front slot, because those interpreters
/// have no slot.
static FRONT: Slot = Slot::new();
/// From 3.13 on: the front slot.
static CURRENT: AtomicPtr<Tracer> = AtomicPtr::new(tracer::users());

#[inline]
fn front() -> *mut Tracer {
    // Relaxed: the slots themselves are static and initialised.
    if FLAVOUR.has_tracer() {
        CURRENT.load(Ordering::Relaxed)
    } else {
        FRONT.get()
    }
}

/// Up to 3.12, in release builds: the function that ends an object. It is chosen anew whenever the listener changes.
/// CPython has no hook here; ours adds one indirect jump and no test.
static DEATH: FunctionSlot<unsafe extern "C" fn(*mut PyObject)> = FunctionSlot::new(end);

/// The function that ends an object, if it is chosen in advance. It does all that a death needs.
#[inline]
#[must_use]
pub fn chosen_death() -> Option<unsafe extern "C" fn(*mut PyObject)> {
    (!FLAVOUR.has_tracer() && !FLAVOUR.is_debug()).then(|| DEATH.get())
}

/// Ends an object without a listener.
///
/// # Safety
/// `op` is a complete dying object.
unsafe extern "C" fn end(op: *mut PyObject) {
    // SAFETY: `op` dies, so its type has a `tp_dealloc`, which may be called with it.
    unsafe { (*abi::type_of(op)).tp_dealloc.unwrap_unchecked()(op) }
}

/// Ends an object with a listener. The rare part is a function of its own, so that a death that only leaves the live
/// table needs no stack frame.
///
/// # Safety
/// `op` is a complete dying object.
unsafe extern "C" fn tell_and_end(op: *mut PyObject) {
    // SAFETY: as in `end`. While there is a listener, the front slot is our own.
    unsafe {
        // Read before anything else: a listener may change the object.
        let dealloc = (*abi::type_of(op)).tp_dealloc.unwrap_unchecked();
        if leaves_live_table_only(op, FRONT.get()) {
            return dealloc(op);
        }
        tell_front_and_end(op, dealloc);
    }
}

/// # Safety
/// `op` is a complete dying object, and `dealloc` is the `tp_dealloc` of its type.
#[cold]
#[inline(never)]
unsafe fn tell_front_and_end(op: *mut PyObject, dealloc: unsafe extern "C" fn(*mut PyObject)) {
    // SAFETY: the front slot is never freed, and `op` is complete until `dealloc` runs.
    unsafe {
        tracer::tell(FRONT.get(), op, DESTROY);
        dealloc(op);
    }
}

/// Makes `ours` the tracer in our slot. With `None`, no watcher is on.
///
/// # Safety
/// No other thread may use objects meanwhile. `ours` may be called with its data until another is set.
pub(super) unsafe fn put_in_front(ours: Option<Tracer>) {
    // SAFETY: no other thread may use objects, so none reads or writes a slot or the choice meanwhile.
    unsafe {
        *FRONT.get() = ours.unwrap_or_else(|| tracer::get());
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

/// The slot of the listener, or `None` if there is no listener.
///
/// # Safety
/// The calling thread may use objects, so no other thread sets a tracer meanwhile.
#[inline]
pub unsafe fn listener() -> Option<*mut Tracer> {
    let slot = front();
    // SAFETY: the front slot is never freed, and no other thread writes it meanwhile, as the caller promises.
    unsafe { (*slot).function.is_some() }.then_some(slot)
}

/// Not zero if there is a listener.
///
/// # Safety
/// As [`listener`].
#[inline]
#[must_use]
pub unsafe fn heard() -> usize {
    // SAFETY: the front slot is never freed, and no other thread writes it meanwhile, as the caller promises.
    unsafe { (*front()).function }.map_or(0, |function| function as usize)
}

/// Tells the listener that an object was born.
///
/// # Safety
/// `op` is an object with its count and type set.
#[inline]
pub unsafe fn created(op: *mut PyObject) {
    // SAFETY: the caller uses an object, so no other thread sets a tracer meanwhile. `slot` came from `listener`.
    unsafe {
        if let Some(slot) = listener() {
            created_in(op, slot);
        }
    }
}

/// Tells the listener in `slot` that an object was born. A function of its own, so that a birth without a listener
/// needs no stack frame.
///
/// # Safety
/// As [`created`], and `slot` came from [`listener`].
#[inline(never)]
pub unsafe fn created_in(op: *mut PyObject, slot: *mut Tracer) {
    // SAFETY: `op` is an object, and each tracer expects this event. A slot is never freed. The live table is open
    // while a slot holds `keep_live_table`.
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
    // SAFETY: the caller uses an object, so no other thread sets a tracer meanwhile. `slot` came from `listener`.
    unsafe {
        if let Some(slot) = listener() {
            destroyed_in(op, slot);
        }
    }
}

/// Tells the listener in `slot` that an object is about to die.
///
/// # Safety
/// As [`destroyed`], and `slot` came from [`listener`].
#[inline]
pub unsafe fn destroyed_in(op: *mut PyObject, slot: *mut Tracer) {
    // SAFETY: `op` is complete, and each tracer expects this event. A slot is never freed.
    unsafe {
        if !leaves_live_table_only(op, slot) {
            tracer::tell(slot, op, DESTROY);
        }
    }
}

/// If the live table is the only listener, takes a dying object out of it and returns true.
///
/// # Safety
/// As [`destroyed_in`].
#[inline]
pub unsafe fn leaves_live_table_only(op: *mut PyObject, slot: *mut Tracer) -> bool {
    // SAFETY: `slot` came from `listener`. The live table is open while a slot holds `keep_live_table`.
    unsafe { keeps_live_table_only(slot) && live::died_quickly(op) }
}

/// Whether the live table is the only listener.
///
/// # Safety
/// `slot` came from [`listener`].
#[inline]
unsafe fn keeps_live_table_only(slot: *mut Tracer) -> bool {
    // SAFETY: a slot is never freed.
    // Up to 3.12 tracers are set only through this library, which then chooses another front tracer.
    unsafe {
        (*slot)
            .function
            .is_some_and(|function| function as usize == keep_live_table as *const () as usize)
            && (!FLAVOUR.has_tracer() || (*tracer::slot()).function.is_none())
    }
}

/// The front tracer while only the live table is on. The shortcuts above skip the call where they can.
pub(super) unsafe extern "C" fn keep_live_table(
    op: *mut PyObject,
    event: c_int,
    _data: *mut c_void,
) -> c_int {
    // SAFETY: a tracer is called with complete objects.
    unsafe {
        match event {
            CREATE => live::born(op),
            _ => live::died(op),
        }
        tracer::tell(tracer::slot(), op, event);
    }
    0
}
