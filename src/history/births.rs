//! Which object of a run is which: it is the n-th of its type, or lies in the n-th block of its length.
//!
//! Two runs that do the same make the same objects. So an object that one run leaked is found again in the next, when it
//! is born. Where CPython reports births, types are counted: free lists hand out memory without a new block.

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::watched;
use crate::host::{Host, ThisHost};

/// The most blocks that are remembered.
const MOST: usize = 1 << 16;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Of {
    /// Blocks of so many bytes.
    Blocks(usize),
    /// Objects of the type at this address.
    Objects(usize),
}

/// One block or object of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nth {
    of: Of,
    /// How many came before it.
    number: u32,
}

/// An object that the run is to bear.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    nth: Nth,
    /// The bytes of the block in front of the object.
    front: usize,
    /// Its place among the watched objects.
    place: usize,
}

#[derive(Debug, Default)]
struct Births {
    counts: FxHashMap<Of, u32>,
    blocks: FxHashMap<usize, Nth>,
    objects: FxHashMap<usize, Nth>,
    awaited: Vec<Awaited>,
    /// The block of each watched object, and the object's place.
    born: Vec<(usize, Awaited)>,
}

static BIRTHS: Mutex<Option<Births>> = Mutex::new(None);
/// The thread whose blocks are counted; 0 for none.
static THREAD: AtomicUsize = AtomicUsize::new(0);

/// The lock of this file, for a fork.
pub fn locked() -> Box<dyn Any> {
    Box::new(lock())
}

fn lock() -> MutexGuard<'static, Option<Births>> {
    BIRTHS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts to count the blocks of this thread.
pub fn begin() {
    let mut births = lock();
    let awaited = births.take().map_or_else(Vec::new, |old| old.awaited);
    *births = Some(Births {
        awaited,
        ..Births::default()
    });
    // Relaxed, in this file: a thread sees its own store, and no other thread has this number.
    THREAD.store(ThisHost::thread_id(), Ordering::Relaxed);
}

/// Ends it. What was counted stays known until the next `begin`.
pub fn end() {
    THREAD.store(0, Ordering::Relaxed);
}

/// Forgets everything.
pub fn clear() {
    end();
    *lock() = None;
}

/// What is born, or was, at an address; and how many bytes in front of `op` its block starts. `None` for an object that is
/// older than the run.
#[must_use]
pub fn of(op: usize) -> Option<(Nth, usize)> {
    let births = lock();
    let births = births.as_ref()?;
    let in_blocks = |blocks: &FxHashMap<usize, Nth>| {
        [0, 16, 32].into_iter().find_map(|front| {
            let nth = blocks.get(&op.checked_sub(front)?)?;
            Some((*nth, front))
        })
    };
    in_blocks(&births.objects).or_else(|| in_blocks(&births.blocks))
}

/// Lets the next run watch the object that lies `front` bytes behind the start of this block.
pub fn await_birth(nth: Nth, front: usize, place: usize) {
    let mut births = lock();
    births
        .get_or_insert_default()
        .awaited
        .push(Awaited { nth, front, place });
}

#[inline]
fn counts_here() -> bool {
    let thread = THREAD.load(Ordering::Relaxed);
    thread != 0 && thread == ThisHost::thread_id()
}

/// A block was handed out. The host's lock is held.
#[inline]
pub fn given(block: usize, bytes: usize) {
    if counts_here() {
        note(block, Of::Blocks(bytes));
    }
}

/// An object of a type was born in a block. The host's lock is held.
#[inline]
pub fn born(block: usize, ob_type: usize) {
    if counts_here() {
        note(block, Of::Objects(ob_type));
    }
}

#[cold]
fn note(block: usize, of: Of) {
    let mut births = lock();
    let Some(births) = births.as_mut() else {
        return;
    };
    let known = match of {
        Of::Blocks(_) => &mut births.blocks,
        Of::Objects(_) => &mut births.objects,
    };
    // The caller waits for memory of its own, and must get it without ours.
    if births.counts.try_reserve(1).is_err() || known.try_reserve(1).is_err() {
        return;
    }
    let count = births.counts.entry(of).or_default();
    let nth = Nth { of, number: *count };
    *count += 1;
    if known.len() < MOST {
        known.insert(block, nth);
    }
    for at in 0..births.awaited.len() {
        let awaited = births.awaited[at];
        if awaited.nth == nth && births.born.try_reserve(1).is_ok() {
            births.born.push((block, awaited));
            watched::set(awaited.place, block + awaited.front);
        }
    }
}

/// A block was resized, and may have moved.
#[inline]
pub fn moved(old: usize, new: usize) {
    if counts_here() && old != new {
        follow(old, new);
    }
}

#[cold]
fn follow(old: usize, new: usize) {
    let mut births = lock();
    let Some(births) = births.as_mut() else {
        return;
    };
    for known in [&mut births.blocks, &mut births.objects] {
        if let Some(nth) = known.remove(&old) {
            known.insert(new, nth);
        }
    }
    for (block, awaited) in births.born.iter_mut().filter(|(block, _)| *block == old) {
        *block = new;
        watched::set(awaited.place, new + awaited.front);
    }
}

/// A block is given back to the memory.
#[inline]
pub fn freed(block: usize) {
    // An old object may die in the run, too.
    if THREAD.load(Ordering::Relaxed) != 0 {
        for front in [0, 16, 32] {
            watched::freed(block + front);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_block_of_the_next_run_is_watched() {
        begin();
        for (block, bytes) in [(0x1000, 32), (0x2000, 48), (0x3000, 48), (0x4000, 32)] {
            given(block, bytes);
        }
        moved(0x3000, 0x5000);
        end();
        given(0x6000, 48);
        let (nth, front) = of(0x5010).expect("it was given");
        assert_eq!((nth.of, nth.number, front), (Of::Blocks(48), 1, 16));
        assert_eq!(of(0x6000), None);
        await_birth(nth, front, 0);
        begin();
        given(0x9000, 48);
        assert_eq!(watched::get(0), 0);
        given(0xa000, 48);
        assert_eq!(watched::get(0), 0xa010);
        moved(0xa000, 0xb000);
        assert_eq!(watched::get(0), 0xb010);
        freed(0xb000);
        assert_eq!(watched::get(0), 0);
        clear();
        // A type counts for itself, also where it uses memory again.
        begin();
        given(0x1000, 48);
        born(0x1000, 7);
        born(0x1000, 7);
        end();
        let (nth, front) = of(0x1010).expect("it was born");
        assert_eq!((nth.of, nth.number, front), (Of::Objects(7), 1, 16));
        await_birth(nth, front, 0);
        begin();
        born(0x2000, 7);
        born(0x3000, 8);
        assert_eq!(watched::get(0), 0);
        born(0x4000, 7);
        assert_eq!(watched::get(0), 0x4010);
        watched::set(0, 0);
        clear();
    }
}
