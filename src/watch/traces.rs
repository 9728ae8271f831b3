//! Memory blocks and the C call stacks that allocated them.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::stacks::StackId;

/// A traced block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Bytes, as the program reported them.
    pub size: usize,
    /// The stack on which the block was allocated, or used again.
    pub stack: StackId,
}

/// A table of traced blocks, by domain and address.
#[derive(Debug, Default)]
pub struct Traces {
    blocks: HashMap<(u32, usize), Trace>,
    current: usize,
    peak: usize,
}

/// The table of the process.
pub fn all() -> MutexGuard<'static, Traces> {
    static ALL: LazyLock<Mutex<Traces>> = LazyLock::new(Mutex::default);
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Traces {
    /// Adds a block, or replaces it. False if there is no memory; nothing is changed then.
    #[must_use]
    pub fn track(&mut self, domain: u32, address: usize, trace: Trace) -> bool {
        if self.blocks.try_reserve(1).is_err() {
            return false;
        }
        self.untrack(domain, address);
        self.current += trace.size;
        self.peak = self.peak.max(self.current);
        self.blocks.insert((domain, address), trace);
        true
    }

    /// Forgets a block, if it is known.
    pub fn untrack(&mut self, domain: u32, address: usize) {
        if let Some(old) = self.blocks.remove(&(domain, address)) {
            self.current -= old.size;
        }
    }

    /// Gives a known block a new stack and keeps its size; false if the block is unknown.
    pub fn renew(&mut self, domain: u32, address: usize, stack: StackId) -> bool {
        let known = self.blocks.get_mut(&(domain, address));
        let found = known.is_some();
        if let Some(trace) = known {
            trace.stack = stack;
        }
        found
    }

    /// The trace of a block.
    #[must_use]
    pub fn get(&self, domain: u32, address: usize) -> Option<Trace> {
        self.blocks.get(&(domain, address)).copied()
    }

    /// Bytes traced now, and their peak.
    #[must_use]
    pub fn memory(&self) -> (usize, usize) {
        (self.current, self.peak)
    }

    /// Forgets all blocks and both byte counts.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_follow_the_blocks() {
        let mut traces = Traces::default();
        assert!(traces.track(
            0,
            0x10,
            Trace {
                size: 100,
                stack: 1,
            },
        ));
        assert!(traces.track(1, 0x10, Trace { size: 50, stack: 1 }));
        assert!(traces.track(0, 0x10, Trace { size: 10, stack: 2 }));
        assert_eq!(traces.memory(), (60, 150));
        traces.untrack(1, 0x10);
        traces.untrack(1, 0x10);
        assert_eq!(traces.memory(), (10, 150));
    }

    #[test]
    fn a_block_that_is_handed_out_again_keeps_its_size() {
        let mut traces = Traces::default();
        assert!(traces.track(
            0,
            0x10,
            Trace {
                size: 100,
                stack: 1,
            },
        ));
        assert!(traces.renew(0, 0x10, 7));
        assert_eq!(
            traces.get(0, 0x10),
            Some(Trace {
                size: 100,
                stack: 7
            })
        );
        assert!(!traces.renew(0, 0x20, 7), "no entry is ever created");
        assert_eq!(traces.get(0, 0x20), None);
    }
}
