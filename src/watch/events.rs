//! Who is told of births and deaths.
//!
//! One slot, as CPython's reference tracer has: a function and its data. Where nothing of ours watches,
//! it is the slot of `PyRefTracer_SetTracer` itself (in a host from 3.13 on, the host's own), so that
//! watching costs nothing; otherwise it is ours, which passes everything on.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use super::tally::Tally;
use super::{birth_stacks, live, tracemalloc};
use crate::abi::{FLAVOUR, PyObject};

/// A function that is told of births and deaths: the object, the event, the data it was set with.
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
    /// Handed to the function.
    pub data: *mut c_void,
}

/// What of ours can watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Watcher {
    /// The live table.
    Live = 1,
    /// The C call stack of each birth.
    BirthStacks = 2,
    /// The number of births and deaths.
    Count = 4,
    /// Traced memory blocks that are handed out again, from 3.12 on; up to 3.11 a birth looks at
    /// tracemalloc's own flag.
    Blocks = 8,
}

#[derive(Debug)]
struct Slot(UnsafeCell<Tracer>);

// SAFETY: the slots are written only while callers take turns (under the host's lock, or as the header
// asks), which is CPython's own rule for its slot.
unsafe impl Sync for Slot {}

static WATCHING: AtomicU8 = AtomicU8::new(0);
static OURS: Slot = Slot(UnsafeCell::new(Tracer {
    function: None,
    data: null_mut(),
}));
/// Where only the live table is on.
static LIVE_ONLY: Slot = Slot(UnsafeCell::new(Tracer {
    function: Some(keep_live_table),
    data: null_mut(),
}));
static USERS: Slot = Slot(UnsafeCell::new(Tracer {
    function: None,
    data: null_mut(),
}));
/// The slot of `PyRefTracer_SetTracer`.
static THEIRS: AtomicPtr<Tracer> = AtomicPtr::new(USERS.0.get());
/// The slot that births and deaths read.
static CURRENT: AtomicPtr<Tracer> = AtomicPtr::new(USERS.0.get());

static TALLY: Tally<2> = Tally::new();

/// The slot of whoever watches, or `None` where nobody does.
#[inline]
pub fn listener() -> Option<*mut Tracer> {
    // Relaxed: the slots themselves are static and initialised.
    let slot = CURRENT.load(Ordering::Relaxed);
    // SAFETY: CURRENT always points to a slot that lives for good.
    unsafe { (*slot).function.is_some() }.then_some(slot)
}

/// Tells whoever watches that an object was born.
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

/// The same where `slot` is known to listen. Apart, so that a birth of which nobody is told needs no stack.
#[inline(never)]
unsafe fn created_in(op: *mut PyObject, slot: *mut Tracer) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if slot == LIVE_ONLY.0.get() && live::born_quickly(op) && !is_told_further() {
            return;
        }
        tell(slot, op, CREATE)
    }
}

/// Tells whoever watches that an object is about to die.
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
/// As [`destroyed`].
#[inline]
pub unsafe fn destroyed_in(op: *mut PyObject, slot: *mut Tracer) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if slot == LIVE_ONLY.0.get() && live::died_quickly(op) && !is_told_further() {
            return;
        }
        tell(slot, op, DESTROY)
    }
}

/// Whether somebody stands behind us.
#[inline]
unsafe fn is_told_further() -> bool {
    // SAFETY: THEIRS always points to a slot that lives for good.
    unsafe { (*THEIRS.load(Ordering::Relaxed)).function.is_some() }
}

/// Calls the tracer in a slot, whoever it is.
#[cold]
#[inline(never)]
unsafe fn tell(slot: *mut Tracer, op: *mut PyObject, event: c_int) {
    // SAFETY: CURRENT and THEIRS always point to a slot that lives for good. A tracer is called with the
    // data it was set with, and promises to expect these events.
    unsafe {
        if let Some(function) = (*slot).function {
            function(op, event, (*slot).data);
        }
    }
}

/// Tells our watchers that a dying object lives on. CPython's tracer is not told.
///
/// # Safety
/// `op` is a complete object.
pub unsafe fn resurrected(op: *mut PyObject) {
    if is_on(Watcher::Live) {
        // SAFETY: the caller's promise is the callee's.
        unsafe { live::born(op) };
    }
}

/// The tracer in front of all others, when only the live table is on.
unsafe extern "C" fn keep_live_table(op: *mut PyObject, event: c_int, _data: *mut c_void) -> c_int {
    match event {
        // SAFETY: a tracer is told of complete objects.
        CREATE => unsafe { live::born(op) },
        _ => live::died(op),
    }
    // SAFETY: as above.
    unsafe { tell(THEIRS.load(Ordering::Relaxed), op, event) }
    0
}

/// The tracer in front of all others.
unsafe extern "C" fn watch(op: *mut PyObject, event: c_int, data: *mut c_void) -> c_int {
    if is_on(Watcher::Count) {
        TALLY.add(event as usize, 1);
    }
    if is_on(Watcher::Blocks) && event == CREATE {
        // SAFETY: a tracer is told of complete objects.
        unsafe { tracemalloc::new_reference(op) };
    }
    if is_on(Watcher::BirthStacks) {
        match event {
            CREATE => birth_stacks::born(op),
            _ => birth_stacks::died(op),
        }
    }
    if is_on(Watcher::Live) {
        // SAFETY: a tracer is told of complete objects.
        return unsafe { keep_live_table(op, event, data) };
    }
    // SAFETY: as above.
    unsafe { tell(THEIRS.load(Ordering::Relaxed), op, event) }
    0
}

/// Whether a watcher is on.
#[must_use]
pub fn is_on(watcher: Watcher) -> bool {
    // Relaxed: set while callers take turns.
    WATCHING.load(Ordering::Relaxed) & watcher as u8 != 0
}

/// Switches a watcher on or off; false where there is no memory for it.
pub fn set(watcher: Watcher, on: bool) -> bool {
    let starts = on && !is_on(watcher);
    if starts && watcher == Watcher::Live && !live::open() {
        return false;
    }
    // Relaxed here and below: callers take turns.
    let others = WATCHING.load(Ordering::Relaxed) & !(watcher as u8);
    WATCHING.store(
        others | if on { watcher as u8 } else { 0 },
        Ordering::Relaxed,
    );
    choose();
    if starts && watcher == Watcher::Live {
        WHEN_LIVE_STARTS.get().inspect(|start| start());
    }
    true
}

/// What a host needs done when the live table is switched on.
static WHEN_LIVE_STARTS: OnceLock<fn()> = OnceLock::new();

/// From now on `start` is called when the live table is switched on. Called once, before `main`.
pub fn when_live_starts(start: fn()) {
    let _ = WHEN_LIVE_STARTS.set(start);
}

/// Points births and deaths to the slot that has to hear of them first.
fn choose() {
    let watching = WATCHING.load(Ordering::Relaxed);
    // SAFETY: callers take turns, so nobody reads the slot meanwhile.
    unsafe { (*OURS.0.get()).function = Some(watch) };
    let slot = if watching == 0 {
        THEIRS.load(Ordering::Relaxed)
    } else if watching == Watcher::Live as u8 {
        LIVE_ONLY.0.get()
    } else {
        OURS.0.get()
    };
    CURRENT.store(slot, Ordering::Relaxed);
}

/// From now on `slot` is where `PyRefTracer_SetTracer` keeps its tracer: the host's. Called before
/// `main`.
///
/// # Safety
/// `slot` stays valid for good and is written only while callers take turns.
pub unsafe fn use_slot_of_host(slot: *mut Tracer) {
    THEIRS.store(slot, Ordering::Relaxed);
    choose();
}

/// From 3.15 on, tells the tracer that stands behind ours that its time is over.
pub fn say_farewell() {
    let Tracer { function, data } = tracer();
    if FLAVOUR.minor >= 15
        && let Some(function) = function
    {
        // SAFETY: a tracer is called with the data it was set with, and expects this event.
        unsafe { function(null_mut(), TRACKER_REMOVED, data) };
    }
}

/// Sets the tracer that stands behind ours.
///
/// # Safety
/// The tracer may be called with its data until another is set.
pub unsafe fn set_tracer(tracer: Tracer) {
    // SAFETY: callers take turns, and the slot lives for good.
    unsafe { *THEIRS.load(Ordering::Relaxed) = tracer }
}

/// The tracer that stands behind ours.
#[must_use]
pub fn tracer() -> Tracer {
    // SAFETY: callers take turns, and the slot lives for good.
    unsafe { *THEIRS.load(Ordering::Relaxed) }
}

/// Births and deaths since [`Watcher::Count`] was switched on.
#[must_use]
pub fn counted() -> (u64, u64) {
    (
        TALLY.sum(CREATE as usize) as u64,
        TALLY.sum(DESTROY as usize) as u64,
    )
}
