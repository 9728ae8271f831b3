//! Watches types that keep the memory of dead instances for new ones, up to 3.12, where CPython reports no births.
//!
//! There, the first use of a block is the birth of its object only if no other object has died in the block before. So
//! the `tp_dealloc` of some types is replaced while births are recorded. Our function notes the death. If the original
//! keeps only exact instances, our function gives the object another type, so that the memory is freed. While the
//! quarantine is on, `free_lists` has its own functions in the slots of some types. Those free all memory, and stay in
//! place.

use std::ffi::CStr;
use std::iter::successors;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::abi::{self, FLAVOUR, PyObject, PyTypeObject, TypeFlags, destructor};
use crate::audit::heap::builtin::builtin;
use crate::audit::walk::types::PAIR;
use crate::audit::walk::types::TYPE_WORD;
use crate::lifecycle::count;
use crate::watch::birth_stacks;

type Dealloc = unsafe extern "C" fn(*mut PyObject);

/// A type whose `tp_dealloc` is or was replaced.
#[derive(Clone, Copy, Debug)]
struct Watched {
    ob_type: *mut PyTypeObject,
    /// The original `tp_dealloc`.
    dealloc: Dealloc,
    /// A copy of the type, which CPython takes for another type; or null.
    twin: *mut PyTypeObject,
}

// SAFETY: types change only under the host's lock, and a heap type is held as long as it is listed.
unsafe impl Send for Watched {}
// SAFETY: as for `Send`.
unsafe impl Sync for Watched {}

static WATCHED: RwLock<Vec<Watched>> = RwLock::new(Vec::new());
static IS_ON: AtomicBool = AtomicBool::new(false);
/// The functions that `free_lists` puts into slots. They free all memory.
static FREE_ALL: OnceLock<Vec<usize>> = OnceLock::new();
/// How many of our calls are nested now.
static DEPTH: AtomicU32 = AtomicU32::new(0);

/// At this depth a type needs CPython's trashcan, which works only with the original `tp_dealloc`.
const DEEPEST: u32 = 40;

/// CPython's types that keep the memory of exact instances. From 3.11 on the evaluation loop frees floats itself.
const EXACT: &[&[u8]] = if FLAVOUR.loop_frees_floats() {
    &[b"tuple", b"list", b"dict"]
} else {
    &[b"tuple", b"list", b"dict", b"float"]
};
/// CPython's other types that keep memory of instances.
const KEEPING: [&[u8]; 8] = [
    b"slice",
    b"frame",
    b"method",
    b"builtin_function_or_method",
    b"async_generator_asend",
    b"async_generator_wrapped_value",
    b"Context",
    b"MemoryError",
];

/// How a type treats the memory of a dead instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// It frees the memory.
    GivesBack,
    /// It keeps the memory of exact instances, unless they have another type.
    KeepsExact,
    /// It may keep the memory.
    MayKeep,
    /// It keeps the memory, and some deaths can't be seen.
    KeepsUnseen,
}

/// Whether any type is watched.
#[inline]
#[must_use]
pub fn is_on() -> bool {
    // Relaxed, in this file: the host's lock is held.
    IS_ON.load(Ordering::Relaxed)
}

/// Starts to watch the types that keep the memory of exact instances, or stops all watching.
///
/// # Safety
/// The host's lock is held.
pub(in crate::audit) unsafe fn switch(on: bool) {
    if FLAVOUR.has_tracer() || IS_ON.swap(on, Ordering::Relaxed) == on {
        return;
    }
    if on {
        for &ob_type in &builtin().keeping {
            // SAFETY: CPython's own types are static, and the host's lock is held.
            unsafe { watch(ob_type as *mut PyTypeObject) };
        }
        return;
    }
    let ended = all().clone();
    for one in ended.iter().filter(|one| one.is_ours()) {
        // SAFETY: the type is held, and the function is its original one.
        unsafe { (*one.ob_type).tp_dealloc = Some(one.dealloc) };
    }
    // A static type that became ready meanwhile may have inherited our function. That function looks up its base here.
    let (heap, _): (Vec<_>, Vec<_>) = ended.into_iter().partition(|one| one.is_heap());
    change().retain(|one| !one.is_heap());
    for one in heap {
        // SAFETY: `replace` took this reference, and the host's lock is held.
        unsafe { count::release(one.ob_type.cast(), c"Py_DecRef") };
    }
}

/// Calls `what` while no type is watched.
///
/// # Safety
/// The host's lock is held.
pub(in crate::audit) unsafe fn apart(what: impl FnOnce()) {
    let before = is_on();
    // SAFETY: the caller's promise is the callee's.
    unsafe {
        switch(false);
        what();
        switch(before);
    }
}

/// The original `tp_dealloc` of a type, which may be replaced now.
///
/// # Safety
/// `ob_type` is a type.
pub(in crate::audit) unsafe fn own_dealloc(ob_type: *mut PyTypeObject) -> Option<Dealloc> {
    let known = all().iter().find(|one| one.ob_type == ob_type).copied();
    // SAFETY: `ob_type` is a type.
    known
        .map(|one| one.dealloc)
        .or(unsafe { (*ob_type).tp_dealloc })
}

/// Notes the deaths of instances of a type, until the recording ends.
///
/// # Safety
/// `ob_type` is a type, and the host's lock is held.
pub(in crate::audit) unsafe fn watch(ob_type: *mut PyTypeObject) {
    if !is_on() {
        return;
    }
    // SAFETY: `ob_type` is a type.
    for base in unsafe { bases(ob_type) } {
        // SAFETY: a base of a type is a type, and the host's lock is held.
        unsafe {
            match habit(base) {
                Habit::KeepsExact => replace(base, true),
                Habit::MayKeep => replace(base, false),
                Habit::GivesBack | Habit::KeepsUnseen => {}
            }
        }
    }
}

/// Whether every death of the type's instances is seen or frees the memory. Then the first use of a block without a
/// death is a birth.
///
/// # Safety
/// `ob_type` is a type.
pub(in crate::audit) unsafe fn is_seen(ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: `ob_type` is a type.
    let mut bases = unsafe { bases(ob_type) };
    !FLAVOUR.has_tracer()
        && bases.all(|base| {
            // SAFETY: a base of a type is a type.
            let habit = unsafe { habit(base) };
            let is_watched = || all().iter().any(|one| one.ob_type == base && one.is_ours());
            match habit {
                Habit::GivesBack => true,
                Habit::KeepsExact => base != ob_type || is_watched(),
                Habit::MayKeep => is_watched(),
                Habit::KeepsUnseen => base != ob_type,
            }
        })
}

/// Restores the type of a dead object in a block that is being freed.
///
/// # Safety
/// `room` bytes of the block can be read and written.
pub unsafe fn restore_type(block: usize, room: usize) {
    for start in [block, block + PAIR] {
        if start + size_of::<PyObject>() > block + room {
            break;
        }
        let word = (start + TYPE_WORD) as *mut usize;
        let all = all();
        // SAFETY: the head lies in the block, which can be read and written.
        unsafe {
            let twin = all
                .iter()
                .find(|one| !one.twin.is_null() && one.twin as usize == *word);
            if let Some(found) = twin {
                *word = found.ob_type as usize;
            }
        }
    }
}

impl Watched {
    fn is_ours(&self) -> bool {
        // SAFETY: a heap type is held while it is listed, and a static type never dies.
        let now = unsafe { (*self.ob_type).tp_dealloc };
        now.is_some_and(|now| now as usize == dies as *const () as usize)
    }

    fn is_heap(&self) -> bool {
        // SAFETY: a heap type is held while it is listed, and a static type never dies.
        TypeFlags(unsafe { (*self.ob_type).tp_flags }).is_heap_type()
    }
}

fn all() -> RwLockReadGuard<'static, Vec<Watched>> {
    WATCHED.read().unwrap_or_else(PoisonError::into_inner)
}

fn change() -> RwLockWriteGuard<'static, Vec<Watched>> {
    WATCHED.write().unwrap_or_else(PoisonError::into_inner)
}

/// The type and all its bases, in the order of `tp_base`.
///
/// # Safety
/// `ob_type` is a type.
unsafe fn bases(ob_type: *mut PyTypeObject) -> impl Iterator<Item = *mut PyTypeObject> {
    let some = |one: *mut PyTypeObject| (!one.is_null()).then_some(one);
    // SAFETY: `ob_type` is a type, and a base of a type is a type.
    successors(some(ob_type), move |&one| some(unsafe { (*one).tp_base }))
}

/// Names the functions for slots that free all memory. A type with one of them is not watched. Only the first call counts.
pub(in crate::audit) fn trust(functions: impl FnOnce() -> Vec<usize>) {
    FREE_ALL.get_or_init(functions);
}

/// Whether that function frees all memory.
fn frees_all(dealloc: destructor) -> bool {
    let known = FREE_ALL.get().map_or(&[][..], |known| known);
    dealloc.is_some_and(|dealloc| known.contains(&(dealloc as usize)))
}

/// How a type treats the memory of a dead instance.
///
/// # Safety
/// `ob_type` is a type.
unsafe fn habit(ob_type: *mut PyTypeObject) -> Habit {
    // SAFETY: `ob_type` is a type, and its name is a string.
    unsafe {
        let is_float = || CStr::from_ptr((*ob_type).tp_name).to_bytes() == b"float";
        if frees_all((*ob_type).tp_dealloc) && !(FLAVOUR.loop_frees_floats() && is_float()) {
            return Habit::GivesBack;
        }
        let own = own_dealloc(ob_type);
        if !own.is_some_and(|own| builtin().is_own(own as usize)) {
            return Habit::MayKeep;
        }
        if !builtin().is_own(ob_type as usize) {
            return Habit::GivesBack;
        }
        let name = CStr::from_ptr((*ob_type).tp_name).to_bytes();
        if EXACT.contains(&name) {
            Habit::KeepsExact
        } else if name == b"float" {
            Habit::KeepsUnseen
        } else if KEEPING.contains(&name) {
            Habit::MayKeep
        } else {
            Habit::GivesBack
        }
    }
}

/// Puts our function in the type's `tp_dealloc`.
///
/// # Safety
/// `ob_type` is a type whose instances die, and the host's lock is held.
unsafe fn replace(ob_type: *mut PyTypeObject, with_twin: bool) {
    let known = all().iter().find(|one| one.ob_type == ob_type).copied();
    // SAFETY: `ob_type` is a type, and the host's lock is held. The twin is never freed, since a dying object may wait
    // in the trashcan with it.
    unsafe {
        let Some(dealloc) = (*ob_type).tp_dealloc else {
            return;
        };
        if known.is_none() {
            let twin = if with_twin {
                Box::into_raw(Box::new(ob_type.read()))
            } else {
                std::ptr::null_mut()
            };
            let one = Watched {
                ob_type,
                dealloc,
                twin,
            };
            if one.is_ours() {
                // The function is inherited, and finds the original through the base.
                return;
            }
            if one.is_heap() {
                count::acquire(ob_type.cast());
            }
            change().push(one);
        }
        (*ob_type).tp_dealloc = Some(dies);
    }
}

/// The `tp_dealloc` of the types that are watched, and of static types that have inherited it.
unsafe extern "C" fn dies(op: *mut PyObject) {
    // SAFETY: `op` is dying, and its type or one of its bases is watched. The original is called once.
    unsafe {
        let ob_type = abi::type_of(op);
        let found = bases(ob_type).find_map(|base| {
            let all = all();
            all.iter().find(|one| one.ob_type == base).copied()
        });
        let Some(one) = found else { return };
        if !is_on() {
            return (one.dealloc)(op);
        }
        if !one.twin.is_null() {
            if ob_type == one.ob_type {
                (*op).ob_type = one.twin;
            }
            return (one.dealloc)(op);
        }
        birth_stacks::may_be_used_again(op as usize - abi::presize(op));
        if DEPTH.fetch_add(1, Ordering::Relaxed) == DEEPEST && one.is_ours() {
            (*one.ob_type).tp_dealloc = Some(one.dealloc);
        }
        (one.dealloc)(op);
        DEPTH.fetch_sub(1, Ordering::Relaxed);
    }
}
