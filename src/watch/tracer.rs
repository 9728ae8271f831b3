//! The reference tracer: a function that is called at births and deaths, as in CPython from 3.13 on.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::abi::{FLAVOUR, PyObject};

/// A function that is called at births and deaths, with the object, the event, and the data of the tracer.
pub type RefTracer = Option<unsafe extern "C" fn(*mut PyObject, c_int, *mut c_void) -> c_int>;

/// An object was born: it has a count of one and a type.
pub const CREATE: c_int = 0;
/// An object is about to die: it is complete and has a count of zero.
pub const DESTROY: c_int = 1;
/// The tracer itself was replaced; there is no object.
pub const TRACKER_REMOVED: c_int = 2;

/// A tracer and its data, as CPython keeps them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Tracer {
    /// The function, or `None`.
    pub function: RefTracer,
    /// The last argument of the function.
    pub data: *mut c_void,
}

impl Tracer {
    /// No listener.
    pub const NONE: Self = Self {
        function: None,
        data: null_mut(),
    };
}

/// A place for a tracer.
#[derive(Debug)]
pub struct Slot(UnsafeCell<Tracer>);

// SAFETY: a slot is read by threads that may use objects. It is written only while no other thread may. This is
// CPython's own rule for its slot.
unsafe impl Sync for Slot {}

impl Default for Slot {
    fn default() -> Self {
        Self::new()
    }
}

impl Slot {
    /// An empty place.
    #[must_use]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(Tracer::NONE))
    }

    /// Where the tracer is.
    #[must_use]
    pub const fn get(&self) -> *mut Tracer {
        self.0.get()
    }
}

static USERS: Slot = Slot::new();
/// The slot of `PyRefTracer_SetTracer`. It is the host's own, if we know its address.
static THEIRS: AtomicPtr<Tracer> = AtomicPtr::new(USERS.get());

/// The slot of `PyRefTracer_SetTracer`.
#[inline]
pub(super) fn slot() -> *mut Tracer {
    // Relaxed: the slots themselves are static and initialised.
    THEIRS.load(Ordering::Relaxed)
}

/// The slot of `PyRefTracer_SetTracer` if there is no host.
#[inline]
#[must_use]
pub const fn users() -> *mut Tracer {
    USERS.get()
}

/// Uses the host's slot.
///
/// # Safety
/// `slot` stays valid for good.
pub(super) unsafe fn use_slot(slot: *mut Tracer) {
    // Relaxed: called before the first object is born.
    THEIRS.store(slot, Ordering::Relaxed);
}

/// The tracer that was set.
///
/// # Safety
/// The calling thread may use objects, so no other thread sets a tracer meanwhile.
#[must_use]
pub unsafe fn get() -> Tracer {
    // SAFETY: the slot is never freed, and no other thread writes it meanwhile, as the caller promises.
    unsafe { *slot() }
}

/// Calls the tracer in a slot, if there is one.
///
/// # Safety
/// The slot is never freed, and its tracer expects this event. `op` is a complete object; for an event without an
/// object it may be null.
#[cold]
#[inline(never)]
pub(super) unsafe fn tell(slot: *mut Tracer, op: *mut PyObject, event: c_int) {
    // SAFETY: the caller's promise. The tracer gets the data that it was set with.
    unsafe {
        if let Some(function) = (*slot).function {
            function(op, event, (*slot).data);
        }
    }
}

/// From 3.15 on, tells the current tracer that it is being replaced.
///
/// # Safety
/// The calling thread may use objects, so no other thread sets a tracer meanwhile.
pub unsafe fn say_farewell() {
    if FLAVOUR.has_farewell() {
        // SAFETY: this event has no object, and from 3.15 on tracers expect it. No other thread writes the slot
        // meanwhile, as the caller promises.
        unsafe { tell(slot(), null_mut(), TRACKER_REMOVED) }
    }
}
