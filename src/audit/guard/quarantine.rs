//! Holds back the blocks of dead objects for a while.
//!
//! A release of a dead object writes into its memory. As long as that memory is not handed out again, the write does no
//! harm, and the audit sees it.

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::ffi::CString;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::free_lists;
use super::held_back;
use crate::abi::{FLAVOUR, Head, PyObject, TypeFlags};
use crate::audit::heap::blocks;
use crate::audit::heap::host_hooks::host_hooks;
use crate::audit::heap::memory::Memory;
use crate::audit::heap::young::Block;
use crate::audit::walk::names::full_name;
use crate::audit::walk::recognise::object_at;
use crate::audit::walk::types::PAIR;
use crate::audit::walk::types::{TYPE_WORD, Types};
use crate::host::c_heap;

/// The number of blocks that are held back at once. One more block frees the oldest.
const BLOCKS: usize = 1 << 14;
/// The most bytes of a block that is held back.
const LONGEST: usize = 512;
/// The number of blocks of one quarantine that stay held for good: code that released too often may do so again, and a
/// report reads them.
const SPOILED: usize = 1 << 10;
/// The number of dead objects of one type that a report shows.
pub(in crate::audit) const EXAMPLES: usize = 8;
/// Places in a block where an object can start.
const STARTS: usize = 3;
/// A value this far below zero is no count.
const LOWEST: i32 = -(1 << 16);

/// A freed block that has not been handed out again.
#[derive(Clone, Copy, Debug)]
struct HeldBlock {
    block: usize,
    /// Whether an object may have died at each start: the count there was zero.
    starts: [bool; STARTS],
    /// The dead object has died a second time.
    has_died_again: bool,
    /// Bytes of the C heap for the block, if it came from malloc.
    in_c_heap: usize,
}

/// The dead objects of one type that were released again.
#[derive(Clone, Debug)]
pub(in crate::audit) struct Dead {
    /// The type's full name.
    pub(in crate::audit) name: CString,
    /// It is a heap type.
    pub(in crate::audit) is_heap: bool,
    /// The number of over-releases since the quarantine began.
    pub(in crate::audit) references: isize,
    /// Some of the objects, whose blocks stay held for good. The newest is last.
    pub(in crate::audit) objects: Vec<*mut PyObject>,
}

// SAFETY: the addresses are followed only while the host's lock is held.
unsafe impl Send for Dead {}

#[derive(Debug)]
struct Quarantine {
    /// The interpreter that owns the blocks. Each interpreter may have its own allocator.
    interpreter: usize,
    held: VecDeque<HeldBlock>,
    spoiled: usize,
    /// Bytes of the C heap that are held back.
    in_c_heap: usize,
    /// The dead objects that were released again, by the address of their type.
    dead: BTreeMap<usize, Dead>,
}

static QUARANTINE: Mutex<Quarantine> = Mutex::new(Quarantine {
    interpreter: 0,
    held: VecDeque::new(),
    spoiled: 0,
    in_c_heap: 0,
    dead: BTreeMap::new(),
});

/// Keeps other threads out of this file while the guard lives: a fork then copies no lock that is taken.
#[must_use]
pub fn lock() -> impl std::any::Any {
    quarantine()
}

fn quarantine() -> MutexGuard<'static, Quarantine> {
    QUARANTINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts or stops holding blocks back; returns whether they were held back before. Stopping frees the blocks and drops
/// all notes. A free-threaded collector walks over the allocator's blocks, so none is held back there.
///
/// # Safety
/// The host's lock is held.
pub unsafe fn switch(on: bool) -> bool {
    let Some(hooks) = host_hooks().filter(|_| !FLAVOUR.free_threaded) else {
        return false;
    };
    let before = held_back::switch(on);
    if on && !before {
        let mut quarantine = quarantine();
        // SAFETY: the host's lock is held, as the caller promises.
        quarantine.interpreter = unsafe { (hooks.interpreter)() };
        held_back::set_interpreter(quarantine.interpreter);
        quarantine.spoiled = 0;
    }
    if on != before {
        // SAFETY: the host's lock is held, as the caller promises.
        unsafe { free_lists::switch(hooks, on) };
    }
    if before && !on {
        let mut quarantine = quarantine();
        quarantine.dead.clear();
        quarantine.in_c_heap = 0;
        for HeldBlock { block, .. } in quarantine.held.drain(..) {
            blocks::taken_back(block);
            // SAFETY: the block was held back instead of freed, and the host's lock is held, as the caller promises.
            unsafe { (hooks.give_back)(block) };
        }
    }
    before
}

/// Bytes of the C heap that are held back.
pub(in crate::audit) fn in_c_heap() -> usize {
    quarantine().in_c_heap
}

/// Holds back a block that an interpreter frees. Returns the block that is to be freed instead, if there is one.
/// `young` is the note of the block.
///
/// # Safety
/// The caller owns the block, and the lock of its interpreter is held.
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
        // SAFETY: the head lies in the block, which can be read and written and belongs to the caller.
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
    quarantine.held.push_back(HeldBlock {
        block,
        starts,
        has_died_again: false,
        in_c_heap,
    });
    if quarantine.held.len() <= BLOCKS {
        return None;
    }
    let mut oldest = quarantine.held.pop_front()?;
    // SAFETY: the oldest block is still held back, and the host's lock is held.
    let stays = unsafe { quarantine.note(&mut oldest, &mut None) };
    if stays {
        return None;
    }
    quarantine.in_c_heap -= oldest.in_c_heap;
    Some(oldest.block)
}

/// The dead objects that were released again since the quarantine began, by the address of their type.
///
/// # Safety
/// The host's lock is held.
pub(in crate::audit) unsafe fn dead() -> BTreeMap<usize, Dead> {
    if !held_back::is_on() {
        return BTreeMap::new();
    }
    let mut quarantine = quarantine();
    let (held, mut seen) = (std::mem::take(&mut quarantine.held), None);
    for mut held in held {
        // SAFETY: the block is held back, and the host's lock is held.
        if !unsafe { quarantine.note(&mut held, &mut seen) } {
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
                // SAFETY: the block was readable when it was held back, and stays so.
                unsafe { free_lists::undisguise(block + at * PAIR) };
            }
        }
    }

    /// Notes the object in the block if it was released again. Returns whether the block stays held for good.
    ///
    /// # Safety
    /// The block is held back, and the host's lock is held.
    unsafe fn note(&mut self, held: &mut HeldBlock, seen: &mut Option<(Types, Memory)>) -> bool {
        for at in (0..STARTS).filter(|&at| held.starts[at]) {
            let start = held.block + at * PAIR;
            // SAFETY: the head was readable when the block was held back, and the block stays held.
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
                    let Some(id) = types.type_at(ob_type, memory) else {
                        continue;
                    };
                    let ob_type = types.get(id).ob_type;
                    let is_object = |op| object_at(op, types, memory).is_some();
                    new.insert(Dead {
                        // SAFETY: `type_at` has found it to be a type, and the host's lock is held.
                        name: unsafe { full_name(ob_type, is_object) },
                        // SAFETY: `type_at` has found it to be a type.
                        is_heap: unsafe { TypeFlags((*ob_type).tp_flags) }.is_heap_type(),
                        references: 0,
                        objects: Vec::new(),
                    })
                }
            };
            // Each object is noted once.
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

/// Whether an object may have died at `start`. Restores the type of an object that died with a disguise.
///
/// # Safety
/// A head at `start` can be read and written, and nothing else uses it.
unsafe fn has_died(start: usize) -> bool {
    // SAFETY: a head at `start` can be read and written, and nothing else uses it.
    unsafe {
        let has_died = count(start) == 0;
        if has_died {
            free_lists::undisguise(start);
        }
        has_died
    }
}

/// The lowest 32 bits of the count. A count that falls below zero shows there on every flavour.
///
/// # Safety
/// A head can be read at `start`.
unsafe fn count(start: usize) -> i32 {
    let count = PyObject::count_address(start as *mut PyObject);
    // SAFETY: a head can be read at `start`, and the count lies in it.
    unsafe { *(count as *const i32) }
}
