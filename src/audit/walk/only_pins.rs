//! The objects that only the audit's own pins keep alive.

use rustc_hash::FxHashMap;

use super::counted::counted;
use super::heap_walk::{HeapWalk, Seen};
use super::pinned::may_be_all;
use crate::abi::PyObject;

impl HeapWalk {
    /// The objects that only pins keep alive. These are the objects in `found`, whose references are all pins, and the
    /// objects that only they show.
    ///
    /// # Safety
    /// The walk is done, and the host's lock is still held.
    pub(in crate::audit) unsafe fn held_by_pins(&mut self, mut found: Vec<Seen>) -> Vec<Seen> {
        let mut references: FxHashMap<usize, isize> = FxHashMap::default();
        let (mut at, mut shown) = (0, Vec::new());
        while let Some(&seen) = found.get(at) {
            at += 1;
            // SAFETY: the walk is done and nothing has died since, so each seen object and each that it shows is alive.
            unsafe {
                self.shown_by(seen, &mut shown);
                for &place in &shown {
                    let op = place as *mut PyObject;
                    let lost = references.entry(place).or_default();
                    *lost += 1;
                    let is_last = counted(op).is_some_and(|refcount| {
                        refcount == self.explained.of(op) && may_be_all(refcount - *lost)
                    });
                    if is_last && let Some(seen) = self.find(op) {
                        found.push(seen);
                    }
                }
            }
        }
        found
    }
}
