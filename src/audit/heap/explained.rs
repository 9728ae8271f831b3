//! Counts the explained references to each object.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::abi::PyObject;
use crate::host::reserve;
use crate::watch::shadow::Shadow;

/// One 32-bit entry for each 16 bytes of memory. Two bits say whether an object was seen there and in which half it
/// starts. The other bits count.
#[derive(Debug)]
pub(in crate::audit) struct Explained(Shadow<AtomicU32>);

/// An object starts in these 16 bytes.
const SEEN: u32 = 1 << 31;
/// The object starts in the second half, as a static object may.
const SECOND: u32 = 1 << 30;
const FLAGS: u32 = SEEN | SECOND;

impl Explained {
    /// `None` without memory.
    pub(in crate::audit) fn new() -> Option<Self> {
        let shadow = Shadow::new();
        shadow.open().then_some(Self(shadow))
    }

    /// Adds `references` to the explained references of an object. False, without effect, if no object was seen there.
    #[inline]
    pub(in crate::audit) fn explain(&self, op: *mut PyObject, references: u32) -> bool {
        let word = self.seen(op);
        if let Some(word) = word {
            // Relaxed, in this file: the table belongs to one thread.
            let before = word.load(Ordering::Relaxed);
            word.store(before.wrapping_add(references), Ordering::Relaxed);
        }
        word.is_some()
    }

    /// Notes that the object was seen. False if it was seen before, if another object starts in the same 16 bytes, or
    /// if there is no memory for the entry.
    #[inline]
    pub(in crate::audit) fn see(&self, op: *mut PyObject) -> bool {
        let Some(word) = self.word(op) else {
            return false;
        };
        let is_new = word.load(Ordering::Relaxed) & SEEN == 0;
        if is_new {
            word.store(flags(op), Ordering::Relaxed);
        }
        is_new
    }

    /// Whether an object was seen at exactly that address.
    #[inline]
    pub(in crate::audit) fn has_seen(&self, op: *mut PyObject) -> bool {
        self.seen(op).is_some()
    }

    /// The number of explained references.
    #[inline]
    pub(in crate::audit) fn of(&self, op: *mut PyObject) -> isize {
        self.seen(op)
            .map_or(0, |word| (word.load(Ordering::Relaxed) & !FLAGS) as isize)
    }

    /// The entry of an object that was seen.
    #[inline]
    fn seen(&self, op: *mut PyObject) -> Option<&AtomicU32> {
        let word = self.0.get(op as usize)?;
        let is_there = word.load(Ordering::Relaxed) & FLAGS == flags(op);
        (is_there && op.cast::<u64>().is_aligned()).then_some(word)
    }

    /// The entry of an object that may be new.
    #[inline]
    fn word(&self, op: *mut PyObject) -> Option<&AtomicU32> {
        let word = self.0.at(op as usize);
        if word.is_none() && Shadow::<AtomicU32>::reaches(op as usize) {
            // Without its entry, the object would count as absent.
            reserve::falls_short();
        }
        word
    }
}

/// The flag bits of an object at this address.
#[inline]
fn flags(op: *mut PyObject) -> u32 {
    const _: () = assert!(8 << 27 == SECOND);
    SEEN | ((op as u32 & 8) << 27)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_remembers() {
        let explained = Explained::new().expect("memory");
        let op = 0x7000_1230 as *mut PyObject;
        assert!(!explained.has_seen(op));
        assert!(!explained.explain(op, 2));
        assert!(explained.see(op));
        assert!(!explained.see(op));
        assert!(explained.explain(op, 1));
        assert!(explained.explain(op, 2));
        assert!(explained.has_seen(op));
        assert_eq!(explained.of(op), 3);
        assert_eq!(explained.of(0x7000_1240 as *mut PyObject), 0);
    }

    #[test]
    fn the_halves_of_a_pair_differ() {
        let explained = Explained::new().expect("memory");
        for (own, other) in [(0x7000_1230, 0x7000_1238), (0x7000_1268, 0x7000_1260)] {
            let [own, other] = [own, other].map(|place| place as *mut PyObject);
            assert!(explained.see(own));
            for wrong in [other, own.wrapping_byte_add(1), own.wrapping_byte_add(4)] {
                assert!(!explained.has_seen(wrong));
                assert!(!explained.explain(wrong, 1));
                assert_eq!(explained.of(wrong), 0);
            }
            assert!(!explained.see(other));
            assert!(explained.has_seen(own));
            assert_eq!(explained.of(own), 0);
        }
    }
}
