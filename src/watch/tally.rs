use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use crate::host::{Host, ThisHost, ThreadWords};

/// A sum with a cell for each thread.
///
/// A thread adds to its own cell without a locked instruction. A reader adds up the cells in use. A thread that ends
/// leaves its cell behind. A later thread with the same id continues in that cell, so nothing is lost. Threads without
/// a cell share one, with locked instructions.
#[derive(Debug)]
pub(super) struct Tally<const KINDS: usize> {
    own: [Cell<KINDS>; CELLS],
    shared: Cell<KINDS>,
}

const CELLS: usize = 256;

/// The ids of the threads that own the cells, in every tally, in order of their first use.
static OWNERS: [AtomicUsize; CELLS] = [const { AtomicUsize::new(0) }; CELLS];

#[derive(Debug)]
#[repr(align(64))]
struct Cell<const KINDS: usize>([AtomicI64; KINDS]);

impl<const KINDS: usize> Cell<KINDS> {
    const fn new() -> Self {
        Self([const { AtomicI64::new(0) }; KINDS])
    }

    /// Adds to a cell. Only its owner calls this.
    #[inline]
    fn add_alone(&self, kind: usize, amount: i64) {
        // Relaxed load and store: no other thread writes this cell.
        self.0[kind].store(
            self.0[kind].load(Ordering::Relaxed) + amount,
            Ordering::Relaxed,
        );
    }
}

impl<const KINDS: usize> Tally<KINDS> {
    pub(super) const fn new() -> Self {
        Self {
            own: [const { Cell::new() }; CELLS],
            shared: Cell::new(),
        }
    }

    /// Adds to one kind of count. Any thread may call this.
    #[inline]
    pub(super) fn add(&self, kind: usize, amount: i64) {
        // Zero: the cell is not yet known. Beyond the last cell: the thread uses the shared one.
        let number = ThreadWords::with(|words| words.cell.get());
        match self.own.get(number.wrapping_sub(1)) {
            Some(cell) => cell.add_alone(kind, amount),
            None => self.add_elsewhere(number, kind, amount),
        }
    }

    /// Adds for a thread that has no cell, or does not know its cell yet.
    #[cold]
    #[inline(never)]
    fn add_elsewhere(&self, number: usize, kind: usize, amount: i64) {
        let number = if number == 0 { find_cell() } else { number };
        match self.own.get(number - 1) {
            Some(cell) => cell.add_alone(kind, amount),
            // Relaxed: a sum has no order.
            None => _ = self.shared.0[kind].fetch_add(amount, Ordering::Relaxed),
        }
    }

    /// The sum over all threads: exact for all that happened before the call.
    pub(super) fn sum(&self, kind: usize) -> i64 {
        // Relaxed: a reader that needs another thread's latest count has synchronised with it already.
        let used = OWNERS
            .iter()
            .take_while(|owner| owner.load(Ordering::Relaxed) != 0);
        let own = used.zip(&self.own).map(|(_, cell)| cell);
        own.chain([&self.shared])
            .map(|cell| cell.0[kind].load(Ordering::Relaxed))
            .sum()
    }
}

/// Finds the calling thread's cell, and returns its number plus one. Returns `CELLS + 1` if no cell is left.
fn find_cell() -> usize {
    let me = ThisHost::thread_id();
    // Relaxed: a cell's owner is set once and never changes; the counts are atomics and start from zero, so there is
    // nothing to publish.
    let mine = |owner: &AtomicUsize| {
        owner.load(Ordering::Relaxed) == me
            || owner
                .compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    };
    let number = OWNERS.iter().position(mine).unwrap_or(CELLS) + 1;
    ThreadWords::with(|words| words.cell.set(number));
    number
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
        TALLY.add(0, 5);
        let mine = ThreadWords::with(|words| words.cell.replace(CELLS + 1));
        TALLY.add(0, 7);
        ThreadWords::with(|words| words.cell.set(mine));
        assert_eq!(TALLY.shared.0[0].load(Ordering::Relaxed), 7);
        assert_eq!(TALLY.sum(0), 12);
    }

    #[test]
    fn a_thread_keeps_its_cell() {
        static TALLY: Tally<1> = Tally::new();
        TALLY.add(0, 1);
        let mine = ThreadWords::with(|words| words.cell.get());
        assert_eq!(find_cell(), mine);
        let theirs = std::thread::spawn(find_cell)
            .join()
            .expect("the thread ends");
        assert_ne!(mine, theirs);
    }
}
