//! How many references to each object were explained.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::abi::PyObject;
use crate::host::reserve;
use crate::watch::shadow::Shadow;

/// A word for each object, beside the memory: the highest bit says that the object was seen, the others count.
#[derive(Debug)]
pub(super) struct Ledger(Shadow<AtomicU32>);

const SEEN: u32 = 1 << 31;

impl Ledger {
    /// `None` where there is no memory.
    pub(super) fn new() -> Option<Self> {
        let shadow = Shadow::new();
        shadow.open().then_some(Self(shadow))
    }

    /// Explains `references` to an object more, and tells whether the object was seen.
    #[inline]
    pub(super) fn explain(&self, op: *mut PyObject, references: u32) -> bool {
        let Some(word) = self.word(op) else {
            return true;
        };
        // Relaxed, here and below: the ledger belongs to one thread.
        let before = word.load(Ordering::Relaxed);
        word.store(before.wrapping_add(references), Ordering::Relaxed);
        before & SEEN != 0
    }

    /// From now on the object was seen; false where it had been before, or there is no room to say so.
    #[inline]
    pub(super) fn see(&self, op: *mut PyObject) -> bool {
        let Some(word) = self.word(op) else {
            return false;
        };
        let before = word.load(Ordering::Relaxed);
        word.store(before | SEEN, Ordering::Relaxed);
        before & SEEN == 0
    }

    /// Whether an object was seen at that address.
    #[inline]
    pub(super) fn has_seen(&self, op: *mut PyObject) -> bool {
        let word = self.0.get(op as usize);
        word.is_some_and(|word| word.load(Ordering::Relaxed) & SEEN != 0)
    }

    /// The references that were explained.
    #[inline]
    pub(super) fn explained(&self, op: *mut PyObject) -> isize {
        let word = self.0.get(op as usize);
        word.map_or(0, |word| (word.load(Ordering::Relaxed) & !SEEN) as isize)
    }

    #[inline]
    fn word(&self, op: *mut PyObject) -> Option<&AtomicU32> {
        let word = self.0.at(op as usize);
        if word.is_none() && Shadow::<AtomicU32>::reaches(op as usize) {
            // An object that can't be remembered would be taken for one that is not there.
            reserve::falls_short();
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_remembers() {
        let ledger = Ledger::new().expect("memory");
        let op = 0x7000_1230 as *mut PyObject;
        assert!(!ledger.has_seen(op));
        assert!(!ledger.explain(op, 2));
        assert!(ledger.see(op));
        assert!(!ledger.see(op));
        assert!(ledger.explain(op, 1));
        assert!(ledger.has_seen(op));
        assert_eq!(ledger.explained(op), 3);
        assert_eq!(ledger.explained(0x7000_1240 as *mut PyObject), 0);
    }
}
