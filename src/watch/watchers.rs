//! The watchers of this library, and the choice of the tracer that announces events to them.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use super::events::{keep_live_table, put_in_front};
use super::live::State;
use super::tally::Tally;
use super::tracer::{self, CREATE, DESTROY, Tracer};
use super::{birth_stacks, live, tracemalloc};
use crate::abi::{FLAVOUR, PyObject};
use crate::host::{self, FunctionSlot};

/// A watcher of this library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Watcher {
    /// The live table.
    Live = 1,
    /// The C call stack of each birth.
    BirthStacks = 2,
    /// The number of births and deaths.
    Count = 4,
    /// From 3.12 on: traced memory blocks that a birth uses again. Up to 3.11 a birth tests tracemalloc's own flag
    /// instead.
    Blocks = 8,
}

static WATCHING: AtomicU8 = AtomicU8::new(0);
static TALLY: Tally<2> = Tally::new();

thread_local! {
    /// The object whose birth this thread counted last. Null if it has counted none since a resurrection began.
    static BORN: Cell<*mut PyObject> = const { Cell::new(null_mut()) };
}
/// Called when the live table is switched on.
static WHEN_LIVE_STARTS: OnceLock<unsafe fn()> = OnceLock::new();

/// Whether a watcher is on.
#[inline]
#[must_use]
pub fn is_on(watcher: Watcher) -> bool {
    // Relaxed: set while no other thread may use objects.
    WATCHING.load(Ordering::Relaxed) & watcher as u8 != 0
}

/// Switches a watcher on or off; false if there is no memory for it.
///
/// # Safety
/// The host's lock is held, and no other thread may use objects meanwhile.
pub unsafe fn set(watcher: Watcher, on: bool) -> bool {
    let starts = on && !is_on(watcher);
    // SAFETY: the caller's promise is the callee's.
    if starts && watcher == Watcher::Live && !unsafe { live::open() } {
        return false;
    }
    // Relaxed: the host's lock is held.
    let others = WATCHING.load(Ordering::Relaxed) & !(watcher as u8);
    let all = others | if on { watcher as u8 } else { 0 };
    WATCHING.store(all, Ordering::Relaxed);
    if starts && watcher == Watcher::BirthStacks {
        birth_stacks::clear();
    }
    // SAFETY: no other thread may use objects, as the caller promises. `start` may rely on all of the promise.
    unsafe {
        choose();
        if starts && watcher == Watcher::Live {
            WHEN_LIVE_STARTS.get().inspect(|start| start());
        }
    }
    true
}

/// Sets the function that is called when the live table is switched on. It may rely on what [`set`] demands. Called
/// once, before the first birth.
pub fn when_live_starts(start: unsafe fn()) {
    let _ = WHEN_LIVE_STARTS.set(start);
}

/// Births and deaths since [`Watcher::Count`] was switched on.
#[must_use]
pub fn counted() -> (u64, u64) {
    (
        TALLY.sum(CREATE as usize) as u64,
        TALLY.sum(DESTROY as usize) as u64,
    )
}

/// Sets the tracer of `PyRefTracer_SetTracer`, which comes after ours.
///
/// # Safety
/// The tracer may be called with its data until another is set. No other thread may use objects meanwhile.
pub unsafe fn set_tracer(tracer: Tracer) {
    // SAFETY: no other thread uses the slot meanwhile, as the caller promises, and it is never freed.
    unsafe {
        *tracer::slot() = tracer;
        if !FLAVOUR.has_tracer() {
            // From 3.13 on each event reads the slot itself.
            choose();
        }
    }
}

/// Uses the slot in which the host's `PyRefTracer_SetTracer` keeps its tracer. Called before this library sees a birth.
///
/// # Safety
/// `slot` stays valid for good, and is written only while no other thread may use objects. None may now.
pub unsafe fn use_slot_of_host(slot: *mut Tracer) {
    // SAFETY: `slot` stays valid, and no other thread may use objects, as the caller promises.
    unsafe {
        tracer::use_slot(slot);
        choose();
    }
}

/// Marks a dying object as live, because it may be resurrected.
///
/// # Safety
/// `op` is a complete object.
#[inline]
pub unsafe fn may_live_on(op: *mut PyObject) {
    if is_on(Watcher::Live) {
        // SAFETY: the caller's promise is the callee's.
        unsafe { live::reborn(op) };
    }
}

/// Tells our watchers of a resurrection, which is a second birth. CPython's tracer gets no event.
///
/// # Safety
/// `op` is a complete object.
unsafe fn resurrected(op: *mut PyObject) {
    // SAFETY: `op` is an object, so in a host the caller holds its lock.
    unsafe {
        count_once(op);
        may_live_on(op);
    }
}

/// Begins a resurrection. Another part may count its second birth. Up to 3.12 and in 3.13.0, the host counts it, or
/// calls our function for it, unless the host binds its own calls directly.
pub fn begin_resurrection() {
    BORN.set(null_mut());
}

/// Counts the second birth of an object, unless it was counted since the resurrection began. Does not read the object.
///
/// # Safety
/// In a host, its lock is held.
pub unsafe fn count_once(op: *mut PyObject) {
    if BORN.replace(op) == op {
        return;
    }
    if is_on(Watcher::Count) {
        TALLY.add(CREATE as usize, 1);
    }
    if is_on(Watcher::BirthStacks) {
        // SAFETY: the caller's promise is the callee's.
        unsafe { birth_stacks::born(op as usize) };
    }
}

/// Undoes [`may_live_on`], and takes back a second birth that was counted.
///
/// # Safety
/// `op` is an object whose type can be read.
pub unsafe fn dies_after_all(op: *mut PyObject) {
    if BORN.replace(null_mut()) == op && is_on(Watcher::Count) {
        TALLY.add(CREATE as usize, -1);
    }
    if live::remembers_the_dead() && !host::has_interpreter() {
        // SAFETY: the caller's promise is the callee's.
        unsafe { live::dying(op) };
    } else if is_on(Watcher::Live) {
        live::died(op);
    }
}

/// In a table that keeps dead objects, marks a dying object as live because it has become immortal. Leaves any other
/// object alone.
///
/// # Safety
/// `op` is an object.
pub unsafe fn immortalised(op: *mut PyObject) {
    if live::remembers_the_dead() && live::state(op as usize) == State::Dying {
        // SAFETY: the caller's promise is the callee's.
        unsafe { live::reborn(op) };
    }
}

/// The function that reports a resurrection: to the host first, then to our watchers.
static RESURRECTION: FunctionSlot<unsafe extern "C" fn(*mut PyObject)> =
    FunctionSlot::new(tell_none);

/// The function that reports a resurrection.
#[inline]
#[must_use]
pub fn chosen_resurrection() -> unsafe extern "C" fn(*mut PyObject) {
    RESURRECTION.get()
}

unsafe extern "C" fn tell_none(_op: *mut PyObject) {}

unsafe extern "C" fn tell_watchers(op: *mut PyObject) {
    begin_resurrection();
    // SAFETY: the function is called with a complete object.
    unsafe { resurrected(op) }
}

unsafe extern "C" fn tell_host_and_watchers(op: *mut PyObject) {
    begin_resurrection();
    // SAFETY: the host's own function, and ours. Both are called with a complete object.
    unsafe {
        if let Some(theirs) = host::originals()._Py_ResurrectReference {
            theirs(op);
        }
        resurrected(op);
    }
}

/// Chooses the functions anew, because there is a host now.
///
/// # Safety
/// No other thread may use objects meanwhile.
pub unsafe fn follow_host() {
    // SAFETY: the caller's promise is the callee's.
    unsafe { choose() }
}

/// Chooses the front tracer, and the function that reports a resurrection.
///
/// # Safety
/// No other thread may use objects meanwhile.
unsafe fn choose() {
    // Relaxed: no other thread may use objects.
    let watching = WATCHING.load(Ordering::Relaxed);
    // SAFETY: no other thread may use objects, so none sets a tracer meanwhile.
    let is_alone = FLAVOUR.has_tracer() || unsafe { tracer::get() }.function.is_none();
    let first: unsafe extern "C" fn(*mut PyObject, c_int, *mut c_void) -> c_int =
        if watching == Watcher::Live as u8 && is_alone {
            keep_live_table
        } else {
            watch
        };
    let heard = watching & !(Watcher::Blocks as u8) != 0;
    let told = match host::originals()._Py_ResurrectReference {
        None if heard => tell_watchers,
        None => tell_none,
        Some(_) if heard => tell_host_and_watchers,
        Some(theirs) => theirs,
    };
    // SAFETY: no other thread may use objects, so none reads the function meanwhile. Our tracer takes any data.
    unsafe {
        RESURRECTION.set(told);
        put_in_front((watching != 0).then_some(Tracer {
            function: Some(first),
            data: null_mut(),
        }));
    }
}

/// The front tracer, when `keep_live_table` alone is not enough.
unsafe extern "C" fn watch(op: *mut PyObject, event: c_int, data: *mut c_void) -> c_int {
    if is_on(Watcher::Count) {
        TALLY.add(event as usize, 1);
    }
    if event == CREATE {
        BORN.set(op);
    }
    if is_on(Watcher::Blocks) && event == CREATE {
        // SAFETY: a tracer is called with complete objects.
        unsafe { tracemalloc::new_reference(op) };
    }
    if is_on(Watcher::BirthStacks) {
        match event {
            // SAFETY: in a host, its lock is held at every birth.
            CREATE => unsafe { birth_stacks::born(op as usize) },
            _ => birth_stacks::died(op),
        }
    }
    if is_on(Watcher::Live) {
        // SAFETY: a tracer is called with complete objects.
        return unsafe { keep_live_table(op, event, data) };
    }
    // SAFETY: as above, and the slot is never freed.
    unsafe { tracer::tell(tracer::slot(), op, event) }
    0
}
