//! Watchers, and queries of the live table.

use std::ffi::{CString, c_char, c_int, c_uint, c_void};

use crate::abi::{Py_ssize_t, PyObject};
use crate::report::census;
use crate::watch::live;
use crate::watch::watchers::{self, Watcher};

/// Watcher: a table of all live objects.
pub const PYREFCORE_LIVE: c_uint = 1;
/// Watcher: the C call stack of each birth. Slow.
pub const PYREFCORE_TRACE: c_uint = 2;
/// Watcher: the number of births and of deaths.
pub const PYREFCORE_COUNT: c_uint = 4;

const WATCHERS: [(c_uint, Watcher); 3] = [
    (PYREFCORE_LIVE, Watcher::Live),
    (PYREFCORE_TRACE, Watcher::BirthStacks),
    (PYREFCORE_COUNT, Watcher::Count),
];

/// Called with an object and the `arg` of the caller. A result other than zero stops the walk.
pub type pyrefcore_object_visitor =
    Option<unsafe extern "C" fn(*mut PyObject, *mut c_void) -> c_int>;

/// Called with a type's name (NULL where it can't be read), its number of objects, and the `arg` of the caller. A
/// result other than zero stops the walk. The name is valid during the call.
pub type pyrefcore_type_visitor =
    Option<unsafe extern "C" fn(*const c_char, usize, *mut c_void) -> c_int>;

/// Switches watchers on. `watchers` is a sum of `PYREFCORE_LIVE`, `PYREFCORE_TRACE` and `PYREFCORE_COUNT`. They know
/// objects that are born from then on. Returns 0, or -1 where there is no memory for one, or where a bit stands for no
/// watcher.
///
/// # Safety
/// The host's lock is held, and no other thread may use objects meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_watch(watchers: c_uint) -> c_int {
    if watchers & !WATCHERS.iter().fold(0, |known, (bit, _)| known | bit) != 0 {
        return -1;
    }
    let wanted = WATCHERS.iter().filter(|(bit, _)| watchers & bit != 0);
    // SAFETY: the caller's promise is the callee's.
    let set = |watcher| unsafe { watchers::set(watcher, true) };
    wanted
        .map(|(_, watcher)| if set(*watcher) { 0 } else { -1 })
        .min()
        .unwrap_or(0)
}

/// Switches watchers off. When the live table is switched on again, it is empty. A debug flavour does not switch it
/// off.
///
/// # Safety
/// The host's lock is held, and no other thread may use objects meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_unwatch(watchers: c_uint) {
    for (_, watcher) in WATCHERS.iter().filter(|(bit, _)| watchers & bit != 0) {
        if *watcher != Watcher::Live || !live::remembers_the_dead() {
            // SAFETY: the caller's promise is the callee's.
            unsafe { watchers::set(*watcher, false) };
        }
    }
}

/// The number of births seen while `PYREFCORE_COUNT` was on. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_births() -> u64 {
    watchers::counted().0
}

/// The number of deaths seen while `PYREFCORE_COUNT` was on. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_deaths() -> u64 {
    watchers::counted().1
}

/// Makes a mark, which stands for this moment. An object that is born or resurrected later counts as born since this
/// mark. After more than 30 later marks it may be too old to be used.
///
/// # Safety
/// The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_mark() -> u64 {
    // SAFETY: the caller's promise is the callee's.
    unsafe { live::mark() }
}

/// The number of live objects that were born since a mark, or since the live table was switched on where `since` is 0.
/// -1 where the mark is too old, or the table is off.
///
/// # Safety
/// The host's lock is held, and no other thread ends objects meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_live_count(since: u64) -> Py_ssize_t {
    let mut objects = 0;
    // SAFETY: the caller's promise is the callee's.
    let walked = unsafe {
        visit_since(since, |_| {
            objects += 1;
            true
        })
    };
    if walked { objects } else { -1 }
}

/// Calls `visit` with each live object that was born since a mark, in order of addresses. `visit` may create and end
/// objects. Returns 0, or -1 where the mark is too old or the table is off.
///
/// # Safety
/// `visit` may be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_live_visit(
    since: u64,
    visit: pyrefcore_object_visitor,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: `visit` may be called with `arg`. No other thread calls this library meanwhile, so only `visit` itself
    // can end objects.
    let walked = unsafe { visit_since(since, |op| visit.is_some_and(|visit| visit(op, arg) == 0)) };
    if walked { 0 } else { -1 }
}

/// Calls `visit` for each type that has live objects born since a mark, in order of their number, most first. Returns
/// 0, or -1 where the mark is too old or the table is off.
///
/// # Safety
/// `visit` may be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_live_types(
    since: u64,
    visit: pyrefcore_type_visitor,
    arg: *mut c_void,
) -> c_int {
    let Some(generation) = generation_of(since) else {
        return -1;
    };
    let Some(visit) = visit else { return 0 };
    for alive in census::alive_by_type(generation) {
        let name = alive.type_name.and_then(|name| CString::new(name).ok());
        let name = name.as_ref().map_or(std::ptr::null(), |name| name.as_ptr());
        // SAFETY: `visit` may be called with `arg`, and the name is a C string or NULL.
        if unsafe { visit(name, alive.objects, arg) } != 0 {
            break;
        }
    }
    0
}

/// # Safety
/// No other thread ends objects meanwhile.
unsafe fn visit_since(since: u64, visit: impl FnMut(*mut PyObject) -> bool) -> bool {
    let generation = generation_of(since);
    if let Some(generation) = generation {
        // SAFETY: the caller's promise is the callee's.
        unsafe { live::visit(generation, visit) };
    }
    generation.is_some()
}

/// The generation of a mark; `None` where the mark is too old, or the table is off and may be out of date.
fn generation_of(since: u64) -> Option<u8> {
    watchers::is_on(Watcher::Live)
        .then(|| live::generation_of(since))
        .flatten()
}
