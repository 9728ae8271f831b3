//! Memory of dead objects that a type keeps for its next ones, where no event tells of a birth: up to 3.12.
//!
//! There the first use of a block is the birth of the object in it only if no other has died there before. So the
//! `tp_dealloc` of some types is replaced while births are recorded. It notes the death; or, where the type looks at
//! `ob_type` alone, it shows the type another one, so that the memory is given back. While the quarantine is on, `free_lists`
//! has its functions in the slots of such types: they give all memory back, and are left there.

use std::ffi::CStr;
use std::iter::successors;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::builtin::builtin;
use super::free_lists;
use super::recognise::PAIR;
use super::types::TYPE_WORD;
use crate::abi::{self, FLAVOUR, PyObject, PyTypeObject, TypeFlags};
use crate::lifecycle::count;
use crate::watch::birth_stacks;

type Dealloc = unsafe extern "C" fn(*mut PyObject);

/// A type whose `tp_dealloc` is ours, or was.
#[derive(Clone, Copy, Debug)]
struct Watched {
    ob_type: *mut PyTypeObject,
    /// The type's own.
    dealloc: Dealloc,
    /// A copy of the type, which CPython takes for another; or null.
    twin: *mut PyTypeObject,
}

// SAFETY: types are changed under the host's lock only. A heap type is held as long as it stands here.
unsafe impl Send for Watched {}
// SAFETY: as above.
unsafe impl Sync for Watched {}

static WATCHED: RwLock<Vec<Watched>> = RwLock::new(Vec::new());
static IS_ON: AtomicBool = AtomicBool::new(false);
/// How many calls of ours run inside each other.
static DEPTH: AtomicU32 = AtomicU32::new(0);

/// From so many deaths inside each other on a type needs its trashcan, which works with its own `tp_dealloc` only.
const DEEPEST: u32 = 40;

/// CPython's types that keep memory of instances which have exactly that type. From 3.11 on the evaluation loop ends
/// floats itself.
const EXACT: &[&[u8]] = if FLAVOUR.minor <= 10 {
    &[b"tuple", b"list", b"dict", b"float"]
} else {
    &[b"tuple", b"list", b"dict"]
};
/// CPython's other types that keep memory.
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

/// What a type does with the memory of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// It gives it back.
    GivesBack,
    /// It keeps that of exact instances, unless it is shown another type.
    KeepsExact,
    /// It may keep it.
    MayKeep,
    /// It keeps it, and not every death can be seen.
    KeepsUnseen,
}

/// Whether any type is watched.
#[inline]
#[must_use]
pub fn is_on() -> bool {
    // Relaxed, here and below: the host's lock is held.
    IS_ON.load(Ordering::Relaxed)
}

/// Begins to watch CPython's types of the first kind, or ends all watching. The host's lock is held.
pub(super) fn switch(on: bool) {
    if FLAVOUR.minor > 12 || IS_ON.swap(on, Ordering::Relaxed) == on {
        return;
    }
    if on {
        for &ob_type in &builtin().keeping {
            // SAFETY: these are CPython's own types.
            unsafe { watch(ob_type as *mut PyTypeObject) };
        }
        return;
    }
    let ended = all().clone();
    for one in ended.iter().filter(|one| one.is_ours()) {
        // SAFETY: the type is there, and its own function belongs to it.
        unsafe { (*one.ob_type).tp_dealloc = Some(one.dealloc) };
    }
    // A static type that was made ready meanwhile may have inherited our function, which looks the type up here.
    let (heap, _): (Vec<_>, Vec<_>) = ended.into_iter().partition(|one| one.is_heap());
    change().retain(|one| !one.is_heap());
    for one in heap {
        // SAFETY: the reference was taken when the watching began.
        unsafe { count::release(one.ob_type.cast(), c"Py_DecRef") };
    }
}

/// Does something while no type is watched.
pub(super) fn apart(what: impl FnOnce()) {
    let before = is_on();
    switch(false);
    what();
    switch(before);
}

/// A type's own `tp_dealloc`, which may be replaced now.
///
/// # Safety
/// `ob_type` is a type.
pub(super) unsafe fn own_dealloc(ob_type: *mut PyTypeObject) -> Option<Dealloc> {
    let known = all().iter().find(|one| one.ob_type == ob_type).copied();
    // SAFETY: the caller's promise.
    known
        .map(|one| one.dealloc)
        .or(unsafe { (*ob_type).tp_dealloc })
}

/// Notes the deaths of a type's instances from now on, until the recording ends.
///
/// # Safety
/// `ob_type` is a type, and the host's lock is held.
pub(super) unsafe fn watch(ob_type: *mut PyTypeObject) {
    if !is_on() {
        return;
    }
    // SAFETY: the caller's promise.
    for base in unsafe { bases(ob_type) } {
        // SAFETY: a base of a type is a type.
        unsafe {
            match habit(base) {
                Habit::KeepsExact => replace(base, true),
                Habit::MayKeep => replace(base, false),
                Habit::GivesBack | Habit::KeepsUnseen => {}
            }
        }
    }
}

/// Whether no type keeps memory of instances of that type unseen, so that the first use of a block in which none has died
/// is a birth.
///
/// # Safety
/// `ob_type` is a type.
pub(super) unsafe fn is_seen(ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: the caller's promise, and a base of a type is a type.
    let mut bases = unsafe { bases(ob_type) };
    FLAVOUR.minor <= 12
        && bases.all(|base| {
            // SAFETY: as above.
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

/// A dead object in a block that is given back gets its own type again.
///
/// # Safety
/// The block can be read and has `room` bytes.
pub unsafe fn restore_type(block: usize, room: usize) {
    for start in [block, block + PAIR] {
        if start + size_of::<PyObject>() > block + room {
            break;
        }
        let word = (start + TYPE_WORD) as *mut usize;
        let all = all();
        // SAFETY: the caller's promise.
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
        // SAFETY: the type is there.
        let now = unsafe { (*self.ob_type).tp_dealloc };
        now.is_some_and(|now| now as usize == dies as *const () as usize)
    }

    fn is_heap(&self) -> bool {
        // SAFETY: the type is there.
        TypeFlags(unsafe { (*self.ob_type).tp_flags }).is_heap_type()
    }
}

fn all() -> RwLockReadGuard<'static, Vec<Watched>> {
    WATCHED.read().unwrap_or_else(PoisonError::into_inner)
}

fn change() -> RwLockWriteGuard<'static, Vec<Watched>> {
    WATCHED.write().unwrap_or_else(PoisonError::into_inner)
}

/// The type and all that it inherits from.
///
/// # Safety
/// `ob_type` is a type.
unsafe fn bases(ob_type: *mut PyTypeObject) -> impl Iterator<Item = *mut PyTypeObject> {
    let some = |one: *mut PyTypeObject| (!one.is_null()).then_some(one);
    // SAFETY: the caller's promise, and a base of a type is a type.
    successors(some(ob_type), move |&one| some(unsafe { (*one).tp_base }))
}

/// # Safety
/// `ob_type` is a type.
unsafe fn habit(ob_type: *mut PyTypeObject) -> Habit {
    // SAFETY: the caller's promise.
    unsafe {
        let is_float = || CStr::from_ptr((*ob_type).tp_name).to_bytes() == b"float";
        if free_lists::is_ours((*ob_type).tp_dealloc) && !(FLAVOUR.minor >= 11 && is_float()) {
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

/// # Safety
/// `ob_type` is a type whose instances die, and the host's lock is held.
unsafe fn replace(ob_type: *mut PyTypeObject, with_twin: bool) {
    let known = all().iter().find(|one| one.ob_type == ob_type).copied();
    // SAFETY: the caller's promise. The twin lives for good: an object that dies may be put aside with it.
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
                // Inherited, and looked up through the base.
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
    // SAFETY: the object's type, or one that it inherits from, is watched; its own function is called once.
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
