use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use crate::host::{Host, ThisHost};

/// What each thread has counted, in a cell of its own.
///
/// A thread adds to its own cell without a locked instruction; who wants a sum reads them all. A thread
/// that ends leaves its cell behind, and a later thread with the same identity goes on in it, so
/// nothing is lost. Threads beyond the cells share one, with locked instructions.
#[derive(Debug)]
pub(super) struct Tally<const KINDS: usize> {
    own: [Cell<KINDS>; CELLS],
    shared: Cell<KINDS>,
}

const CELLS: usize = 256;

#[derive(Debug)]
#[repr(align(64))]
struct Cell<const KINDS: usize> {
    owner: AtomicUsize,
    counts: [AtomicI64; KINDS],
}

impl<const KINDS: usize> Cell<KINDS> {
    const fn new() -> Self {
        Self {
            owner: AtomicUsize::new(0),
            counts: [const { AtomicI64::new(0) }; KINDS],
        }
    }
}

impl<const KINDS: usize> Tally<KINDS> {
    pub(super) const fn new() -> Self {
        Self {
            own: [const { Cell::new() }; CELLS],
            shared: Cell::new(),
        }
    }

    /// Adds to one kind of count. From any thread.
    #[inline]
    pub(super) fn add(&self, kind: usize, amount: i64) {
        let me = ThisHost::thread_id();
        // Thread descriptors are large and aligned: the bits above the page tell threads apart.
        let mut place = (me >> 12) % CELLS;
        for _ in 0..CELLS {
            let cell = &self.own[place];
            // Relaxed: a cell's owner is set once and never changes; ours was set by this thread.
            let owner = cell.owner.load(Ordering::Relaxed);
            if owner == me || (owner == 0 && Self::claim(cell, me)) {
                let count = &cell.counts[kind];
                // Relaxed load and store: no other thread writes this cell.
                count.store(count.load(Ordering::Relaxed) + amount, Ordering::Relaxed);
                return;
            }
            place = (place + 1) % CELLS;
        }
        // Relaxed: a sum has no order.
        self.shared.counts[kind].fetch_add(amount, Ordering::Relaxed);
    }

    /// The sum over all threads: exact for all that happened before the call.
    pub(super) fn sum(&self, kind: usize) -> i64 {
        let cells = self.own.iter().chain([&self.shared]);
        // Relaxed: whoever wants another thread's latest count has synchronised with it already.
        cells
            .map(|cell| cell.counts[kind].load(Ordering::Relaxed))
            .sum()
    }

    #[cold]
    fn claim(cell: &Cell<KINDS>, me: usize) -> bool {
        // Relaxed: the cell's counts are atomics and start from zero; there is nothing to publish.
        cell.owner
            .compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_lose_nothing() {
        static TALLY: Tally<2> = Tally::new();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                std::thread::spawn(|| {
                    for _ in 0..100_000 {
                        TALLY.add(0, 1);
                        TALLY.add(1, -2);
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().expect("the thread ends"));
        assert_eq!((TALLY.sum(0), TALLY.sum(1)), (800_000, -1_600_000));
    }

    #[test]
    fn threads_beyond_the_cells_are_counted_too() {
        static TALLY: Tally<1> = Tally::new();
        for cell in &TALLY.own {
            cell.owner.store(usize::MAX, Ordering::Relaxed);
        }
        TALLY.add(0, 5);
        assert_eq!(TALLY.sum(0), 5);
    }
}
