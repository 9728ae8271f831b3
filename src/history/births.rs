//! Which block of a run is which: a block is the n-th of its length.
//!
//! Two runs that do the same ask for the same blocks. So an object that one run leaked is found again in the next, when
//! it is born.

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::watched;
use crate::host::{Host, ThisHost};

/// The most blocks that are remembered.
const MOST: usize = 1 << 16;

/// One block of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nth {
    /// Its length when it was handed out.
    pub bytes: usize,
    /// How many of that length came before it.
    pub number: u32,
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
    given: FxHashMap<usize, u32>,
    blocks: FxHashMap<usize, Nth>,
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

/// The block that lies, or lay, at an address; and how many bytes in front of `op` it starts. `None` for an object that
/// is older than the run.
#[must_use]
pub fn of(op: usize) -> Option<(Nth, usize)> {
    let births = lock();
    let blocks = &births.as_ref()?.blocks;
    [0, 16, 32].into_iter().find_map(|front| {
        let nth = blocks.get(&op.checked_sub(front)?)?;
        Some((*nth, front))
    })
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
        note(block, bytes);
    }
}

#[cold]
fn note(block: usize, bytes: usize) {
    let mut births = lock();
    let Some(births) = births.as_mut() else {
        return;
    };
    // The caller waits for memory of its own, and must get it without ours.
    if births.given.try_reserve(1).is_err() || births.blocks.try_reserve(1).is_err() {
        return;
    }
    let given = births.given.entry(bytes).or_default();
    let nth = Nth {
        bytes,
        number: *given,
    };
    *given += 1;
    if births.blocks.len() < MOST {
        births.blocks.insert(block, nth);
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
    if let Some(nth) = births.blocks.remove(&old) {
        births.blocks.insert(new, nth);
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
        assert_eq!((nth.bytes, nth.number, front), (48, 1, 16));
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
    }
}
