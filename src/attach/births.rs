//! The tracer that records every birth, also those from free lists.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{symbols, tracer_slot};
use crate::abi::{self, FLAVOUR, PyObject};
use crate::history;
use crate::host;
use crate::report::facts::Replaced;
use crate::watch::tracer::{self, CREATE, RefTracer, TRACKER_REMOVED, Tracer};
use crate::watch::{birth_stacks, watchers};

/// The tracer that was set before ours. Ours passes each event on to it.
static BEHIND: tracer::Slot = tracer::Slot::new();
/// Whether births are recorded.
static LISTENS: AtomicBool = AtomicBool::new(false);
/// Whether `leave` is removing our tracer.
static LEAVES: AtomicBool = AtomicBool::new(false);

/// Starts to record births. True if every birth is announced to our tracer.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn listen() -> bool {
    LISTENS.store(true, Ordering::Relaxed);
    let ours = Tracer {
        function: Some(heard),
        data: null_mut(),
    };
    // SAFETY: the host's lock is held, as the caller promises. Our tracer is not called before it is set.
    unsafe {
        let Some(now) = current() else {
            return false;
        };
        if is_ours(now) {
            return true;
        }
        *BEHIND.get() = now;
        replace(now, ours)
    }
}

/// Stops recording births. If another tracer stands in front of ours, ours stays and passes events on.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn leave() {
    LISTENS.store(false, Ordering::Relaxed);
    // SAFETY: the host's lock is held, as the caller promises. The tracer behind ours is set with its own data.
    unsafe {
        let Some(now) = current().filter(|&now| is_ours(now)) else {
            return;
        };
        let before = *BEHIND.get();
        LEAVES.store(true, Ordering::Relaxed);
        replace(now, before);
        LEAVES.store(false, Ordering::Relaxed);
    }
}

/// The current tracer. `None` if no tracer is called at every birth.
///
/// # Safety
/// The host's lock is held.
unsafe fn current() -> Option<Tracer> {
    if !FLAVOUR.has_tracer() {
        // SAFETY: the host's lock is held, as the caller promises.
        return reaches_births().then(|| unsafe { tracer::get() });
    }
    let mut data = null_mut();
    // SAFETY: the host's own function, and the lock is held, as the caller promises.
    let function = unsafe { host::originals().PyRefTracer_GetTracer?(&mut data) };
    Some(Tracer { function, data })
}

/// Replaces the tracer `now` by `next`; false if that can't be done.
///
/// # Safety
/// The host's lock is held. `next` may be called with its data until another is set.
unsafe fn replace(now: Tracer, next: Tracer) -> bool {
    // SAFETY: the caller's promise. Where there is no tracer in the host, its lock is a global one.
    unsafe {
        if !FLAVOUR.has_tracer() {
            watchers::set_tracer(next);
            return true;
        }
        if FLAVOUR.has_farewell() && now.function.is_some() && !is_ours(now) {
            // CPython would tell that tracer that it is being replaced. It could stop working, although ours still
            // passes events on to it.
            return tracer_slot::holding(now).map(|slot| *slot = next).is_some();
        }
        host::originals()
            .PyRefTracer_SetTracer
            .is_some_and(|set| set(next.function, next.data) == 0)
    }
}

fn is_ours(tracer: Tracer) -> bool {
    let address = |function: RefTracer| function.map_or(0, |function| function as usize);
    address(tracer.function) == address(Some(heard))
}

/// Up to 3.12: whether the interpreter's own births call this library.
fn reaches_births() -> bool {
    static REACHES: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *REACHES.get_or_init(|| {
        let replaced = symbols::in_host().unwrap_or_default();
        replaced
            .iter()
            .any(|one| one.name == "_Py_NewReference" && one.replaced == Replaced::Everywhere)
    })
}

/// Our tracer.
unsafe extern "C" fn heard(op: *mut PyObject, event: c_int, _data: *mut c_void) -> c_int {
    if event == CREATE && LISTENS.load(Ordering::Relaxed) {
        // SAFETY: a tracer is called with complete objects, and the host's lock is held at every birth.
        unsafe {
            let block = op as usize - abi::presize(op);
            birth_stacks::born(block);
            history::births::born(block, abi::type_of(op) as usize);
        }
    }
    if event == TRACKER_REMOVED && LEAVES.load(Ordering::Relaxed) {
        return 0;
    }
    // SAFETY: `BEHIND` was written before our tracer was set. The tracer in it gets its own data.
    unsafe {
        let behind = *BEHIND.get();
        behind
            .function
            .map_or(0, |function| function(op, event, behind.data))
    }
}
