//! The live table: where objects that have been born and have not died start.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::shadow::{GRAIN, Shadow};
use crate::abi::{self, FLAVOUR, Head, PyObject};
use crate::refcount::{Current, Policy};

/// A mark holds, in its low two bits, where in its 16 bytes and how far into its memory block the object
/// starts; above them the generation in which it was born, or [`DEAD`].
const KIND_BITS: u32 = 2;
/// Kinds 0, 1 and 2: the block starts that many times 16 bytes before the object. This one: the object
/// starts in the middle of the 16 bytes, as only objects do that no Python allocator made.
const ODD: u8 = 3;
/// In place of a generation: the object here has died. Kept by debug flavours without a host only.
const DEAD: u8 = 63;
/// In place of a generation: the object's `tp_dealloc` is at work. Kept where [`DEAD`] is.
const DYING: u8 = 62;
/// The last generation before old ones are folded together.
const LAST: u8 = 61;
/// So many generations are folded into the oldest at a time.
const FOLD: u8 = 30;

static SHADOW: Shadow = Shadow::new();
static GENERATION: AtomicU8 = AtomicU8::new(1);
static FOLDED: AtomicU64 = AtomicU64::new(0);

/// What the table knows of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No object was seen there.
    Unknown,
    /// An object was born there and lives.
    Live,
    /// An object is there whose `tp_dealloc` is at work.
    Dying,
    /// An object died there, and none was born since.
    Dead,
}

/// Makes room for an empty table; false where there is no memory. What an older one knew is forgotten: what
/// died while the table was off would stay in it for good.
pub fn open() -> bool {
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

/// Forgets every object that is alive.
fn wipe() {
    SHADOW.visit(|_, mark| {
        // Relaxed: marks are wiped while callers take turns.
        if mark.load(Ordering::Relaxed) >> KIND_BITS <= LAST {
            mark.store(0, Ordering::Relaxed);
        }
        true
    });
}

/// An object was born.
///
/// # Safety
/// `op` is an object whose type has been set.
pub unsafe fn born(op: *mut PyObject) {
    if let Some(mark) = SHADOW.at(op as usize) {
        // SAFETY: the caller's promise is the callee's. Relaxed: an object that another thread may look at
        // was handed over with an order of its own.
        mark.store(unsafe { birth_mark(op) }, Ordering::Relaxed);
    }
}

/// The same in a few instructions: false where the region of marks has yet to be made.
///
/// # Safety
/// As [`born`], and the table is open.
#[inline]
pub unsafe fn born_quickly(op: *mut PyObject) -> bool {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        let Some(mark) = SHADOW.opened(op as usize) else {
            return false;
        };
        // Relaxed: as in `born`.
        mark.store(birth_mark(op), Ordering::Relaxed);
    }
    true
}

/// The mark of an object that is born now.
#[inline]
unsafe fn birth_mark(op: *mut PyObject) -> u8 {
    let kind = if (op as usize).is_multiple_of(GRAIN) {
        // SAFETY: the caller's promise is the callee's.
        unsafe { abi::flags_of(op) }.pairs_in_front(FLAVOUR)
    } else {
        ODD
    };
    // Relaxed: generations begin while callers take turns.
    GENERATION.load(Ordering::Relaxed) << KIND_BITS | kind
}

/// An object died, or is about to: false where the region of marks has yet to be made.
///
/// # Safety
/// The table is open.
#[inline]
pub unsafe fn died_quickly(op: *mut PyObject) -> bool {
    // SAFETY: the caller's promise is the callee's.
    let Some(mark) = (unsafe { SHADOW.opened(op as usize) }) else {
        return false;
    };
    // Relaxed: as in `born`.
    mark.store(0, Ordering::Relaxed);
    true
}

/// An object died, or is about to.
#[inline]
pub fn died(op: *mut PyObject) {
    if let Some(mark) = SHADOW.get(op as usize) {
        // Relaxed: as in `born`.
        mark.store(0, Ordering::Relaxed);
    }
}

/// An object whose `tp_dealloc` is at work on this thread, and the memory block that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    block: usize,
    op: usize,
}

const NOTHING: Ending = Ending { block: 0, op: 0 };

thread_local! {
    /// The innermost one, until its memory is given back: from then on its place may be another thread's.
    static ENDING: Cell<Ending> = const { Cell::new(NOTHING) };
}

/// An object is about to die: its own `tp_dealloc` may still use it. Returns what [`bury`] needs.
///
/// # Safety
/// `op` is an object whose type can be read.
pub unsafe fn dying(op: *mut PyObject) -> Ending {
    if let Some(mark) = SHADOW.get(op as usize) {
        // Relaxed: as in `born`.
        mark.store(DYING << KIND_BITS, Ordering::Relaxed);
    }
    // SAFETY: the caller's promise is the callee's.
    let block = op as usize - unsafe { abi::presize(op) };
    ENDING.replace(Ending {
        block,
        op: op as usize,
    })
}

/// The object's `tp_dealloc` is done. Its use is an error from now on, and is reported; unless it
/// was resurrected, or its memory was given back and is no longer ours to mark.
pub fn bury(op: *mut PyObject, outer: Ending) {
    if ENDING.replace(outer).op == op as usize {
        mark_dead(op as usize);
    }
}

/// The memory block at `block` is about to be given back: the object that dies in it is dead.
pub fn given_back(block: usize) {
    let ending = ENDING.get();
    if ending.block == block {
        ENDING.set(NOTHING);
        mark_dead(ending.op);
    }
}

/// A dying object lives on.
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
    if let Some(mark) = SHADOW.get(place)
        && mark.load(Ordering::Relaxed) == DYING << KIND_BITS
    {
        // Relaxed: as in `born`.
        mark.store(DEAD << KIND_BITS, Ordering::Relaxed);
    }
}

/// What the table knows of an address.
#[must_use]
pub fn state(address: usize) -> State {
    // Relaxed: as in `born`.
    match SHADOW
        .get(address)
        .map(|mark| mark.load(Ordering::Relaxed) >> KIND_BITS)
    {
        None | Some(0) => State::Unknown,
        Some(DEAD) => State::Dead,
        Some(DYING) => State::Dying,
        Some(_) => State::Live,
    }
}

/// Whether no object is known in the memory block at `block`; false also where that takes long to find out.
///
/// # Safety
/// The table is open.
#[inline]
pub unsafe fn is_clear(block: usize) -> bool {
    // SAFETY: the caller's promise is the callee's.
    unsafe { SHADOW.four(block) }.is_some_and(|marks| marks & 0xFF_FFFF == 0)
}

/// The memory block at `block` is given back: whatever object was in it is gone, even where its death
/// was not seen.
///
/// # Safety
/// The table is open.
pub unsafe fn freed(block: usize) {
    // SAFETY: the caller's promise is the callee's.
    let Some(marks) = (unsafe { SHADOW.four(block) }) else {
        take(block);
        return;
    };
    // Read once, in a register.
    let value = |kind: u8| (marks >> (8 * u32::from(kind))) as u8;
    if let Some(kind) = (0..ODD).find(|&kind| is_of_block(value(kind), kind)) {
        died((block + usize::from(kind) * GRAIN) as *mut PyObject);
    }
}

/// What the table knew of a memory block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    kind: u8,
    value: u8,
}

/// Wipes the mark of the object in the memory block at `block`, and returns it.
pub fn take(block: usize) -> Option<Taken> {
    (0..ODD).find_map(|kind| {
        let mark = SHADOW.get(block + usize::from(kind) * GRAIN)?;
        // Relaxed: as in `born`.
        let value = mark.load(Ordering::Relaxed);
        is_of_block(value, kind).then(|| {
            mark.store(0, Ordering::Relaxed);
            Taken { kind, value }
        })
    })
}

/// Gives a mark that was taken to the memory block at `block`.
pub fn give(taken: Taken, block: usize) {
    if let Some(mark) = SHADOW.at(block + usize::from(taken.kind) * GRAIN) {
        // Relaxed: as in `born`.
        mark.store(taken.value, Ordering::Relaxed);
    }
}

/// Whether a mark so many places behind a block's start is that of the block's own object: the memory behind
/// a small block belongs to its neighbour. The dying and the dead are left to [`bury`].
const fn is_of_block(value: u8, kind: u8) -> bool {
    value != 0 && value & ODD == kind && value >> KIND_BITS <= LAST
}

/// Begins a new generation and returns a number that stands for now.
pub fn mark() -> u64 {
    // Relaxed here and below: the thread that reads the marks has set them.
    if GENERATION.load(Ordering::Relaxed) == LAST {
        fold();
    }
    let generation = GENERATION.fetch_add(1, Ordering::Relaxed) + 1;
    FOLDED.load(Ordering::Relaxed) + u64::from(generation)
}

/// Makes room for new generations: the oldest become one.
fn fold() {
    SHADOW.visit(|_, mark| {
        let value = mark.load(Ordering::Relaxed);
        let generation = value >> KIND_BITS;
        if generation <= LAST {
            let older = generation.saturating_sub(FOLD).max(1);
            mark.store(older << KIND_BITS | value & ODD, Ordering::Relaxed);
        }
        true
    });
    GENERATION.fetch_sub(FOLD, Ordering::Relaxed);
    FOLDED.fetch_add(u64::from(FOLD), Ordering::Relaxed);
}

/// The first generation that counts as born since `mark`; `None` where the mark is so old that it was
/// folded. Zero stands for the beginning.
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

/// Calls `visit` with each place where an object was born in `generation` or later and was not seen to
/// die, in order of addresses, until it returns false. The memory may hold a parked object.
pub fn visit_places(generation: u8, mut visit: impl FnMut(*mut PyObject) -> bool) {
    SHADOW.visit(|address, mark| {
        // Relaxed: as in `born`.
        let value = mark.load(Ordering::Relaxed);
        let born = value >> KIND_BITS;
        if born > LAST || born < generation {
            return true;
        }
        visit((address + if value & ODD == ODD { GRAIN / 2 } else { 0 }) as *mut PyObject)
    });
}

/// Calls `visit` with each object that was born in `generation` or later and is alive, in order of
/// addresses, until it returns false. Objects may be born and die meanwhile.
///
/// # Safety
/// No other thread ends objects meanwhile.
pub unsafe fn visit(generation: u8, mut visit: impl FnMut(*mut PyObject) -> bool) {
    visit_places(generation, |op| {
        // SAFETY: a marked place was an object and its memory has not been given back, or the mark
        // would be gone. Its count tells whether it is parked, and it may hold anything.
        let alive = unsafe { Current::is_plausible(PyObject::count(op)) };
        !alive || visit(op)
    });
}

/// Debug flavours without a host remember where objects died.
#[must_use]
pub const fn remembers_the_dead() -> bool {
    FLAVOUR.is_debug()
}

/// Whether the memory at a place that [`visit_places`] gave holds a living object; read so that memory
/// which is gone makes it false.
#[must_use]
pub fn is_alive(op: *mut PyObject) -> bool {
    // SAFETY: the count is read into a local, of which every bit pattern is valid.
    crate::host::read(PyObject::count_address(op))
        .is_some_and(|count| unsafe { Current::is_plausible(&count) })
}
