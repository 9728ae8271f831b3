//! Who: the function and the line that took a leaked reference, or released one too many.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null;

use super::trace::{pyrefcore_frame_visitor, visit_frames};
use crate::abi::PyObject;
use crate::audit::attachment::NO_MEMORY;
use crate::history::blame::What;
use crate::history::naming::Rule;
use crate::history::session;
use crate::host::reserve;

/// It counted a reference that nothing gives back.
pub const PYREFCORE_TOOK: c_int = 1;
/// It got a new reference from a call, and did not give it back.
pub const PYREFCORE_MADE: c_int = 2;
/// It ended an object that held the reference, and did not give it back.
pub const PYREFCORE_FORGOT: c_int = 3;
/// It released a reference that it did not own.
pub const PYREFCORE_RELEASED: c_int = 4;

/// No other function of an extension has an account left.
pub const PYREFCORE_ONLY: c_int = 1;
/// Its account equals the finding; those of others do not.
pub const PYREFCORE_EXACT: c_int = 2;
/// It is a `tp_dealloc`, and the dying object still held the reference.
pub const PYREFCORE_DEALLOC: c_int = 3;
/// It returned a container that holds more references than it has taken.
pub const PYREFCORE_CONTAINER: c_int = 4;
/// No other function had the object in a register.
pub const PYREFCORE_HELD: c_int = 5;

const _: () = assert!(
    What::Took as c_int == PYREFCORE_TOOK
        && What::Made as c_int == PYREFCORE_MADE
        && What::Forgot as c_int == PYREFCORE_FORGOT
        && What::Released as c_int == PYREFCORE_RELEASED
        && Rule::Only as c_int == PYREFCORE_ONLY
        && Rule::Exact as c_int == PYREFCORE_EXACT
        && Rule::Dealloc as c_int == PYREFCORE_DEALLOC
        && Rule::Container as c_int == PYREFCORE_CONTAINER
        && Rule::Held as c_int == PYREFCORE_HELD
);

/// A function that is to blame for an object, or a candidate.
#[derive(Debug)]
#[repr(C)]
pub struct pyrefcore_culprit {
    /// 1 for a reference too many, -1 for one too few.
    pub delta: c_int,
    /// `PYREFCORE_TOOK`, `PYREFCORE_MADE`, `PYREFCORE_FORGOT` or `PYREFCORE_RELEASED`.
    pub what: c_int,
    /// `PYREFCORE_ONLY`, `PYREFCORE_EXACT`, `PYREFCORE_DEALLOC`, `PYREFCORE_CONTAINER` or `PYREFCORE_HELD`; 0 where it is
    /// one of several candidates.
    pub rule: c_int,
}

/// Does a step with a reserve of memory behind it, and shows its error.
///
/// # Safety
/// The host's lock is held.
unsafe fn shown(step: impl FnOnce() -> Result<(), &'static CStr>) -> *const c_char {
    // SAFETY: the caller's promise is the callee's.
    let done = unsafe { reserve::within(|| Some(step())) };
    let error = done.unwrap_or(Err(NO_MEMORY)).err();
    error.map_or(null(), CStr::as_ptr)
}

/// Begins a search for the functions that leave references unpaired. Two runs of the same code follow, each between
/// `pyrefcore_who_begin` and `pyrefcore_who_end`; between them, `pyrefcore_who_watch` names the objects.
/// `pyrefcore_who_close` ends the search. Returns NULL, or the reason why it can't be done, as one sentence.
///
/// # Safety
/// No other thread searches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_who_open() -> *const c_char {
    // SAFETY: the host's lock is held.
    unsafe { shown(session::open) }
}

/// Begins a run of this thread. Puts traps into the code of the extension modules. Returns NULL, or a reason.
///
/// # Safety
/// `pyrefcore_who_open` returned NULL. No library is unloaded before `pyrefcore_who_end`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_who_begin() -> *const c_char {
    // SAFETY: the caller's promise is the callee's.
    unsafe { shown(|| session::begin()) }
}

/// Ends a run, and restores all code. Returns NULL, or the reason why the run was given up.
///
/// # Safety
/// As `pyrefcore_who_begin`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_who_end() -> *const c_char {
    // SAFETY: the caller's promise is the callee's.
    unsafe { shown(|| session::end()) }
}

/// Chooses the objects to watch in the second run, at most 8, after the first has ended. An object that was born in the
/// first run stands for the one that is born in its place. Returns NULL, or a reason.
///
/// # Safety
/// `objects` points to `count` addresses. An object that is older than the first run lives until the second ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_who_watch(
    objects: *const *mut PyObject,
    count: usize,
) -> *const c_char {
    // SAFETY: the caller promises so many addresses. They are only numbers here.
    let objects = unsafe { std::slice::from_raw_parts(objects.cast::<usize>(), count) };
    // SAFETY: the host's lock is held.
    unsafe { shown(|| session::watch(objects)) }
}

/// Judges the object at index `place` after the second run, and writes at most `most` functions to `found`. A leak has
/// `sign` 1, an over-release -1. `is_type` is 1 where the object is a type. Returns how many there are.
///
/// # Safety
/// `found` has room for `most`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_who_judge(
    place: usize,
    sign: c_int,
    is_type: c_int,
    found: *mut pyrefcore_culprit,
    most: usize,
) -> usize {
    let found_by = || Some(session::judge(place, sign.into(), is_type != 0));
    // SAFETY: the host's lock is held.
    let culprits = unsafe { reserve::within(found_by) }.unwrap_or_default();
    for (at, culprit) in culprits.iter().take(most).enumerate() {
        // SAFETY: the caller promises room.
        unsafe {
            found.add(at).write(pyrefcore_culprit {
                delta: culprit.delta as c_int,
                what: culprit.what as c_int,
                rule: culprit.rule.map_or(0, |rule| rule as c_int),
            });
        }
    }
    culprits.len()
}

/// Calls `visit` with the frame of a function that the last `pyrefcore_who_judge` found, by its index, and then with the
/// frames of those into which the compiler has put it. Returns their number.
///
/// # Safety
/// `visit` may be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_who_frames(
    at: usize,
    visit: pyrefcore_frame_visitor,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: `visit` may be called with `arg`.
    unsafe { visit_frames(&session::frames(at), visit, arg) }
}

/// Ends the search. No trap and no handler is left. Nothing happens without one.
///
/// # Safety
/// As `pyrefcore_who_begin`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_who_close() {
    // SAFETY: the caller's promise is the callee's.
    unsafe { session::close() };
}
