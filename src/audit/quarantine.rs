//! Blocks of objects that have died, held back for a while.
//!
//! A release of a dead object writes into its memory. While that memory has not been handed out again, the write
//! does no harm, and is seen.

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::blocks;
use super::door::door;
use super::finding::EXAMPLES;
use super::free_lists;
use super::memory::Memory;
use super::names::full_name;
use super::recognise::{PAIR, object_at};
use super::types::{TYPE_WORD, Types};
use super::young::Block;
use crate::abi::{FLAVOUR, Head, PyObject, TypeFlags};
use crate::host::c_heap;

/// Blocks that are held back at once; one more, and the oldest goes.
const BLOCKS: usize = 1 << 14;
/// Bytes of the longest that is.
const LONGEST: usize = 512;
/// Blocks of one quarantine that stay held for good: code that released too often may do so again, and a report looks at
/// them.
const SPOILED: usize = 1 << 10;
/// Places in a block where an object can start.
const STARTS: usize = 3;
/// A count this far below zero is none.
const LOWEST: i32 = -(1 << 16);

/// A block that was given back, and from which nothing has been handed out since.
#[derive(Clone, Copy, Debug)]
struct Held {
    block: usize,
    /// Whether an object may have died at each start: its count was zero.
    starts: [bool; STARTS],
    /// What lay there has died once more.
    has_died_again: bool,
    /// Bytes that malloc has taken for it, where CPython's allocator left it to malloc.
    in_c_heap: usize,
}

/// The dead objects of one type that were released once more.
#[derive(Clone, Debug)]
pub(super) struct Dead {
    /// The type's full name.
    pub(super) name: CString,
    /// It was made at run time.
    pub(super) is_heap: bool,
    /// References that they were released too often, since the quarantine began.
    pub(super) references: isize,
    /// Some of those whose blocks stay held for good, newest last.
    pub(super) objects: Vec<*mut PyObject>,
}

// SAFETY: the addresses are not followed without the host's lock.
unsafe impl Send for Dead {}

#[derive(Debug)]
struct Quarantine {
    /// Whose blocks these are: an interpreter may have an allocator of its own.
    interpreter: usize,
    held: VecDeque<Held>,
    spoiled: usize,
    /// Bytes of the C heap that are held.
    in_c_heap: usize,
    /// By the address of the type.
    dead: BTreeMap<usize, Dead>,
}

static IS_ON: AtomicBool = AtomicBool::new(false);
/// The same as in the quarantine, for those who ask often.
static INTERPRETER: AtomicUsize = AtomicUsize::new(0);
static QUARANTINE: Mutex<Quarantine> = Mutex::new(Quarantine {
    interpreter: 0,
    held: VecDeque::new(),
    spoiled: 0,
    in_c_heap: 0,
    dead: BTreeMap::new(),
});

/// Nothing of this file happens while the guard lives.
#[must_use]
pub fn lock() -> impl std::any::Any {
    quarantine()
}

fn quarantine() -> MutexGuard<'static, Quarantine> {
    QUARANTINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether blocks are held back.
#[inline]
pub fn is_on() -> bool {
    // Relaxed, here and below: the host's lock is held, or another interpreter's, whose blocks are never held back.
    IS_ON.load(Ordering::Relaxed)
}

/// Whether blocks of the interpreter that the caller's thread belongs to are held back.
pub(super) fn is_here() -> bool {
    is_on()
        && door().is_some_and(|door| (door.interpreter)() == INTERPRETER.load(Ordering::Relaxed))
}

/// Holds blocks back from now on, or gives them back and forgets; returns whether they were. Where the collector walks over
/// the allocator's blocks, as that of free-threaded flavours does, none is held back. The host's lock is held.
pub fn switch(on: bool) -> bool {
    let Some(door) = door().filter(|_| !FLAVOUR.free_threaded) else {
        return false;
    };
    let before = IS_ON.swap(on, Ordering::Relaxed);
    if on && !before {
        let mut quarantine = quarantine();
        quarantine.interpreter = (door.interpreter)();
        INTERPRETER.store(quarantine.interpreter, Ordering::Relaxed);
        quarantine.spoiled = 0;
    }
    if on != before {
        // SAFETY: the host's lock is held.
        unsafe { free_lists::switch(door, on) };
    }
    if before && !on {
        let mut quarantine = quarantine();
        quarantine.dead.clear();
        quarantine.in_c_heap = 0;
        for Held { block, .. } in quarantine.held.drain(..) {
            blocks::taken_back(block);
            (door.give_back)(block);
        }
    }
    before
}

/// Whether a block is in use: it was neither given back nor held back.
pub(super) fn is_handed_out(block: usize) -> bool {
    blocks::room(block).is_some()
}

/// Bytes of the C heap that are held back.
pub(super) fn in_c_heap() -> usize {
    quarantine().in_c_heap
}

/// Holds a block back that an interpreter gives back now; returns the block that is to be given back in its place, if one is.
/// `young` is what was noted of it.
///
/// # Safety
/// The block is the caller's, and its interpreter's lock is held.
pub unsafe fn hold(block: usize, interpreter: usize, young: Option<Block>) -> Option<usize> {
    let mut quarantine = quarantine();
    if interpreter != quarantine.interpreter {
        return Some(block);
    }
    if blocks::is_held_back(block) {
        quarantine.has_died_again(block);
        return None;
    }
    let Some(room) = blocks::room(block).filter(|&room| room <= LONGEST) else {
        return Some(block);
    };
    let starts = std::array::from_fn(|at| {
        let start = block + at * PAIR;
        // SAFETY: so much of the block can be read, and it is the caller's.
        start + size_of::<PyObject>() <= block + room && unsafe { has_died(start) }
    });
    if starts == [false; STARTS] {
        return Some(block);
    }
    if quarantine.held.try_reserve(1).is_err() {
        return Some(block);
    }
    blocks::hold_back(block);
    let in_c_heap = young
        .filter(|young| young.is_long)
        .and_then(|young| c_heap::taken(block, young.bytes))
        .unwrap_or(0);
    quarantine.in_c_heap += in_c_heap;
    quarantine.held.push_back(Held {
        block,
        starts,
        has_died_again: false,
        in_c_heap,
    });
    if quarantine.held.len() <= BLOCKS {
        return None;
    }
    let mut oldest = quarantine.held.pop_front()?;
    // SAFETY: the caller's promise is the callee's.
    let stays = unsafe { quarantine.judge(&mut oldest, &mut None) };
    if stays {
        return None;
    }
    quarantine.in_c_heap -= oldest.in_c_heap;
    Some(oldest.block)
}

/// What was seen since the quarantine began, by the address of the type.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn dead() -> BTreeMap<usize, Dead> {
    if !is_on() {
        return BTreeMap::new();
    }
    let mut quarantine = quarantine();
    let (held, mut seen) = (std::mem::take(&mut quarantine.held), None);
    for mut held in held {
        // SAFETY: the caller's promise is the callee's.
        if !unsafe { quarantine.judge(&mut held, &mut seen) } {
            quarantine.held.push_back(held);
        }
    }
    quarantine.dead.clone()
}

impl Quarantine {
    fn has_died_again(&mut self, block: usize) {
        if let Some(held) = self.held.iter_mut().rev().find(|held| held.block == block) {
            held.has_died_again = true;
            for at in (0..STARTS).filter(|&at| held.starts[at]) {
                // SAFETY: the count was read when the block came.
                unsafe { free_lists::undisguise(block + at * PAIR) };
            }
        }
    }

    /// Notes what lay in the block if it was released once more, and tells whether the block stays held for good.
    ///
    /// # Safety
    /// The block is held back, and the host's lock is held.
    unsafe fn judge(&mut self, held: &mut Held, seen: &mut Option<(Types, Memory)>) -> bool {
        for at in (0..STARTS).filter(|&at| held.starts[at]) {
            let start = held.block + at * PAIR;
            // SAFETY: the count was read when the block came, and so the type can be.
            let (count, ob_type) =
                unsafe { (count(start), *((start + TYPE_WORD) as *const usize)) };
            let references = match count {
                LOWEST..0 => -count as isize,
                0 if held.has_died_again => 1,
                _ => continue,
            };
            let dead = match self.dead.entry(ob_type) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    if seen.is_none() {
                        *seen = Memory::look().map(|memory| (Types::new(), memory));
                    }
                    let Some((types, memory)) = seen else {
                        continue;
                    };
                    let Some(id) = types.judge(ob_type, memory) else {
                        continue;
                    };
                    let ob_type = types.get(id).ob_type;
                    let is_object = |op| object_at(op, types, memory).is_some();
                    new.insert(Dead {
                        // SAFETY: it was found to be a type, and what it holds was not released too often.
                        name: unsafe { full_name(ob_type, is_object) },
                        // SAFETY: as above.
                        is_heap: unsafe { TypeFlags((*ob_type).tp_flags) }.is_heap_type(),
                        references: 0,
                        objects: Vec::new(),
                    })
                }
            };
            // It is reported once.
            held.starts = [false; STARTS];
            dead.references += references;
            if self.spoiled == SPOILED {
                return false;
            }
            self.spoiled += 1;
            if dead.objects.len() == EXAMPLES {
                dead.objects.remove(0);
            }
            dead.objects.push(start as *mut PyObject);
            return true;
        }
        false
    }
}

/// Whether an object may have died there. One that died in disguise gets its type back.
///
/// # Safety
/// An object's head can be read and written at `start`, and is not in use otherwise.
unsafe fn has_died(start: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let has_died = count(start) == 0;
        if has_died {
            free_lists::undisguise(start);
        }
        has_died
    }
}

/// The number of references, however wide it is: of one that falls below zero, the lowest 32 bits say so.
///
/// # Safety
/// An object's head can be read at `start`.
unsafe fn count(start: usize) -> i32 {
    let count = PyObject::count_address(start as *mut PyObject);
    // SAFETY: the caller's promise.
    unsafe { *(count as *const i32) }
}
