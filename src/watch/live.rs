//! The live table: the addresses of objects that were born and have not died.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::shadow::{GRAIN, Shadow};
use crate::abi::{self, FLAVOUR, Head, PyObject};
use crate::refcount::{Current, Policy};

/// The number of low bits in an entry that hold the kind: where the object starts in its memory block. The bits above
/// hold the generation in which the object was born, or [`DYING`], or [`DEAD`].
const KIND_BITS: u32 = 2;
/// Kinds 0, 1 and 2: the block starts that many times 16 bytes before the object. Kind 3: the object starts in the
/// middle of its 16 bytes. Python's allocators make no such objects.
const ODD: u8 = 3;
/// In place of a generation: the object here has died. Only debug flavours without a host use it.
const DEAD: u8 = 63;
/// In place of a generation: the `tp_dealloc` of the object here is running. Used together with [`DEAD`].
const DYING: u8 = 62;
/// The last generation. After it, old generations are merged.
const LAST: u8 = 61;
/// The number of generations that are merged into the oldest at a time.
const FOLD: u8 = 30;

static SHADOW: Shadow = Shadow::new();
static GENERATION: AtomicU8 = AtomicU8::new(1);
static FOLDED: AtomicU64 = AtomicU64::new(0);

/// What the table knows of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No birth was seen there.
    Unknown,
    /// An object was born there and lives.
    Live,
    /// The `tp_dealloc` of the object there is running.
    Dying,
    /// An object died there, and none was born since.
    Dead,
}

/// Opens an empty table; false if there is no memory. Old entries are cleared: an object that died while the table was
/// off would keep its entry for good.
///
/// # Safety
/// The host's lock is held, and no other thread may use objects meanwhile.
pub unsafe fn open() -> bool {
    if SHADOW.is_open() {
        wipe();
    }
    SHADOW.open()
}

/// Whether the table was ever opened.
#[must_use]
pub fn is_open() -> bool {
    SHADOW.is_open()
}

/// Clears the entries of all live objects.
fn wipe() {
    SHADOW.visit(|_, entry| {
        // Relaxed: entries are wiped while no other thread may use objects.
        if entry.load(Ordering::Relaxed) >> KIND_BITS <= LAST {
            entry.store(0, Ordering::Relaxed);
        }
        true
    });
}

/// Notes an object that was born.
///
/// # Safety
/// `op` is an object whose type has been set.
pub unsafe fn born(op: *mut PyObject) {
    if let Some(entry) = SHADOW.at(op as usize) {
        // SAFETY: the caller's promise. Relaxed: if another thread looks at the object, the hand-over between the
        // threads has ordered this store.
        entry.store(unsafe { birth_entry(op) }, Ordering::Relaxed);
    }
}

/// Notes an object that was born, in a few instructions. False if its region of entries does not exist yet.
///
/// # Safety
/// As [`born`], and the table is open.
#[inline]
pub unsafe fn born_quickly(op: *mut PyObject) -> bool {
    // SAFETY: the table is open, and the type of `op` is set, as the caller promises.
    unsafe {
        let Some(entry) = SHADOW.opened(op as usize) else {
            return false;
        };
        // Relaxed: as in `born`.
        entry.store(birth_entry(op), Ordering::Relaxed);
    }
    true
}

/// The entry of an object that is born now.
///
/// # Safety
/// `op` is an object whose type has been set.
#[inline]
unsafe fn birth_entry(op: *mut PyObject) -> u8 {
    let kind = if (op as usize).is_multiple_of(GRAIN) {
        // SAFETY: the caller's promise is the callee's.
        unsafe { abi::flags_of(op) }.pairs_in_front(FLAVOUR)
    } else {
        ODD
    };
    // Relaxed: a generation begins while its thread holds the host's lock.
    GENERATION.load(Ordering::Relaxed) << KIND_BITS | kind
}

/// Clears the entry of an object that died or is about to, in a few instructions. False if its region of entries does
/// not exist yet.
///
/// # Safety
/// The table is open.
#[inline]
pub unsafe fn died_quickly(op: *mut PyObject) -> bool {
    // SAFETY: the caller's promise is the callee's.
    let Some(entry) = (unsafe { SHADOW.opened(op as usize) }) else {
        return false;
    };
    // Relaxed: as in `born`.
    entry.store(0, Ordering::Relaxed);
    true
}

/// Clears the entry of an object that died or is about to.
#[inline]
pub fn died(op: *mut PyObject) {
    if let Some(entry) = SHADOW.get(op as usize) {
        // Relaxed: as in `born`.
        entry.store(0, Ordering::Relaxed);
    }
}

/// An object whose `tp_dealloc` is running on this thread, and its memory block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    block: usize,
    op: usize,
}

const NOTHING: Ending = Ending { block: 0, op: 0 };

thread_local! {
    /// The innermost such object, until its memory is freed. After that, another thread may use the memory.
    static ENDING: Cell<Ending> = const { Cell::new(NOTHING) };
}

/// Notes that an object dies: its own `tp_dealloc` may still use it. Returns the argument that [`bury`] needs.
///
/// # Safety
/// `op` is an object whose type can be read.
pub unsafe fn dying(op: *mut PyObject) -> Ending {
    if let Some(entry) = SHADOW.get(op as usize) {
        // Relaxed: as in `born`.
        entry.store(DYING << KIND_BITS, Ordering::Relaxed);
    }
    // SAFETY: the caller's promise is the callee's.
    let block = op as usize - unsafe { abi::presize(op) };
    ENDING.replace(Ending {
        block,
        op: op as usize,
    })
}

/// Notes that an object is dead after its `tp_dealloc`: a later use is an error, and is reported. Does nothing if the
/// object was resurrected, or if its memory was freed and may be in use again.
pub fn bury(op: *mut PyObject, outer: Ending) {
    if ENDING.replace(outer).op == op as usize {
        mark_dead(op as usize);
    }
}

/// Called before the block at `block` is freed: the object that is dying in it is dead.
pub fn given_back(block: usize) {
    let ending = ENDING.get();
    if ending.block == block {
        ENDING.set(NOTHING);
        mark_dead(ending.op);
    }
}

/// Notes that a dying object lives again.
///
/// # Safety
/// `op` is an object whose type can be read.
pub unsafe fn reborn(op: *mut PyObject) {
    if remembers_the_dead() && ENDING.get().op == op as usize {
        ENDING.set(NOTHING);
    }
    // SAFETY: the caller's promise is the callee's.
    unsafe { born(op) }
}

fn mark_dead(place: usize) {
    if let Some(entry) = SHADOW.get(place)
        && entry.load(Ordering::Relaxed) == DYING << KIND_BITS
    {
        // Relaxed: as in `born`.
        entry.store(DEAD << KIND_BITS, Ordering::Relaxed);
    }
}

/// What the table knows of an address.
#[must_use]
pub fn state(address: usize) -> State {
    // Relaxed: as in `born`.
    match SHADOW
        .get(address)
        .map(|entry| entry.load(Ordering::Relaxed) >> KIND_BITS)
    {
        None | Some(0) => State::Unknown,
        Some(DEAD) => State::Dead,
        Some(DYING) => State::Dying,
        Some(_) => State::Live,
    }
}

/// Whether the block at `block` has no entry. Also false if the answer takes longer to find.
///
/// # Safety
/// The table is open.
#[inline]
pub unsafe fn is_clear(block: usize) -> bool {
    // SAFETY: the caller's promise is the callee's.
    unsafe { SHADOW.four(block) }.is_some_and(|entries| entries & 0xFF_FFFF == 0)
}

/// Clears the entry of the object in a block that is freed. Its death may not have been announced.
///
/// # Safety
/// The table is open.
pub unsafe fn freed(block: usize) {
    // SAFETY: the caller's promise is the callee's.
    let Some(entries) = (unsafe { SHADOW.four(block) }) else {
        take(block);
        return;
    };
    let value = |kind: u8| (entries >> (8 * u32::from(kind))) as u8;
    if let Some(kind) = (0..ODD).find(|&kind| is_of_block(value(kind), kind)) {
        died((block + usize::from(kind) * GRAIN) as *mut PyObject);
    }
}

/// An entry that was taken out of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    kind: u8,
    value: u8,
}

/// Clears the entry of the object in the memory block at `block`, and returns it.
pub fn take(block: usize) -> Option<Taken> {
    (0..ODD).find_map(|kind| {
        let entry = SHADOW.get(block + usize::from(kind) * GRAIN)?;
        // Relaxed: as in `born`.
        let value = entry.load(Ordering::Relaxed);
        is_of_block(value, kind).then(|| {
            entry.store(0, Ordering::Relaxed);
            Taken { kind, value }
        })
    })
}

/// Sets an entry that was taken, for the memory block at `block`.
pub fn give(taken: Taken, block: usize) {
    if let Some(entry) = SHADOW.at(block + usize::from(taken.kind) * GRAIN) {
        // Relaxed: as in `born`.
        entry.store(taken.value, Ordering::Relaxed);
    }
}

/// Whether the entry `kind` places behind a block's start belongs to that block's object. After a small block, it may
/// belong to the next block. Entries of dying and dead objects are left to [`bury`].
const fn is_of_block(value: u8, kind: u8) -> bool {
    value != 0 && value & ODD == kind && value >> KIND_BITS <= LAST
}

/// Begins a new generation, and returns a number for this moment.
///
/// # Safety
/// The host's lock is held.
pub unsafe fn mark() -> u64 {
    // Relaxed here and below: the thread that reads the entries also sets them.
    if GENERATION.load(Ordering::Relaxed) == LAST {
        fold();
    }
    let generation = GENERATION.fetch_add(1, Ordering::Relaxed) + 1;
    FOLDED.load(Ordering::Relaxed) + u64::from(generation)
}

/// Makes room for new generations: merges the oldest into one.
fn fold() {
    SHADOW.visit(|_, entry| {
        let value = entry.load(Ordering::Relaxed);
        let generation = value >> KIND_BITS;
        if generation <= LAST {
            let older = generation.saturating_sub(FOLD).max(1);
            entry.store(older << KIND_BITS | value & ODD, Ordering::Relaxed);
        }
        true
    });
    GENERATION.fetch_sub(FOLD, Ordering::Relaxed);
    FOLDED.fetch_add(u64::from(FOLD), Ordering::Relaxed);
}

/// The first generation born after `mark`. `None` if `mark` is so old that its generation was merged. Mark 0 is the
/// beginning.
#[must_use]
pub fn generation_of(mark: u64) -> Option<u8> {
    if mark == 0 {
        return Some(0);
    }
    let folded = FOLDED.load(Ordering::Relaxed);
    let current = GENERATION.load(Ordering::Relaxed);
    let generation = mark.checked_sub(folded)?;
    (2..=u64::from(current))
        .contains(&generation)
        .then_some(generation as u8)
}

/// Calls `visit` with each place where an object was born in `generation` or later and no death was seen. The places
/// come in order of addresses, until `visit` returns false. An object there may lie in a free list.
pub fn visit_places(generation: u8, mut visit: impl FnMut(*mut PyObject) -> bool) {
    SHADOW.visit(|address, entry| {
        // Relaxed: as in `born`.
        let value = entry.load(Ordering::Relaxed);
        let born = value >> KIND_BITS;
        if born > LAST || born < generation {
            return true;
        }
        visit((address + if value & ODD == ODD { GRAIN / 2 } else { 0 }) as *mut PyObject)
    });
}

/// Calls `visit` with each live object that was born in `generation` or later, in order of addresses, until `visit`
/// returns false. Objects may be born and die meanwhile.
///
/// # Safety
/// No other thread ends objects meanwhile.
pub unsafe fn visit(generation: u8, mut visit: impl FnMut(*mut PyObject) -> bool) {
    visit_places(generation, |op| {
        // SAFETY: the entry of a place is cleared when its memory is freed, so the memory is still mapped. The count
        // may have any value; an object in a free list has an implausible one.
        let alive = unsafe { Current::is_plausible(PyObject::count(op)) };
        !alive || visit(op)
    });
}

/// Whether the table keeps the entries of dead objects, if there is no host.
#[must_use]
pub const fn remembers_the_dead() -> bool {
    FLAVOUR.is_debug()
}

/// Whether there is a live object at a place from [`visit_places`]. False if the memory is unmapped.
#[must_use]
pub fn is_alive(op: *mut PyObject) -> bool {
    // SAFETY: the count was copied to a local. Every bit pattern is a valid count.
    crate::host::read(PyObject::count_address(op))
        .is_some_and(|count| unsafe { Current::is_plausible(&count) })
}
