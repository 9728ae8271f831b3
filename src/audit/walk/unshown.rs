//! Finds words in the fields of objects that may be references and that the objects do not show.

use super::heap_walk::{HeapWalk, Seen};
use super::types::PAIR;
use super::types::size_of_instance;
use super::word::{Field, Target, Word, may_be_address};
use crate::abi::PyObject;
use crate::audit::heap::blocks;
use crate::host::reserve;

impl HeapWalk {
    /// The words in instances of foreign types that may be references and are not shown, in order of addresses.
    ///
    /// # Safety
    /// The walk is done, and the host's lock is still held.
    pub(in crate::audit) unsafe fn words(&self) -> Vec<Word> {
        let (mut words, mut shown) = (Vec::new(), Vec::new());
        for &seen in &self.seen {
            if self.info(seen).is_foreign && !reserve::is_short() {
                // SAFETY: the walk is done and the host's lock is held, so a met object is alive.
                unsafe {
                    self.shown_by(seen, &mut shown);
                    self.words_in(seen, &mut shown, |word| words.push(word));
                }
            }
        }
        words.sort_unstable_by_key(|word| word.place);
        words
    }

    /// Calls `found` with each word in an object's fields that may be an address. Leaves out one word for each
    /// reference in `shown`.
    ///
    /// # Safety
    /// The object was met and has not died.
    pub(in crate::audit) unsafe fn words_in(
        &self,
        seen: Seen,
        shown: &mut Vec<usize>,
        mut found: impl FnMut(Word),
    ) {
        /// A longer instance is an array of other data.
        const LONGEST: usize = 1 << 16;
        let info = self.info(seen);
        // SAFETY: the object is alive and has its type.
        let (size, weak) = unsafe {
            let size = size_of_instance(seen.op, info.ob_type).min(LONGEST);
            // A negative offset means that the list lies in front of the object.
            let weak = usize::try_from((*info.ob_type).tp_weaklistoffset).unwrap_or(0);
            (size, weak)
        };
        let front = usize::from(info.pairs) * PAIR;
        let room = blocks::room(seen.op as usize - front);
        let size = room.map_or(size, |room| size.min(room.saturating_sub(front)));
        if !self.memory.is_readable(seen.op as usize, size) {
            return;
        }
        for at in (size_of::<PyObject>()..size & !7).step_by(8) {
            // SAFETY: the word lies in the instance, which can be read.
            let word = unsafe { *((seen.op as usize + at) as *const usize) };
            let op = word as *mut PyObject;
            // The list of weak references is not held.
            if at == weak || !may_be_address(word) {
                continue;
            }
            if let Some(place) = shown.iter().position(|&other| other == word) {
                shown.swap_remove(place);
                continue;
            }
            let field = Field {
                ob_type: info.ob_type as usize,
                offset: at,
            };
            found(Word {
                place: seen.op as usize + at,
                value: word,
                field,
                // SAFETY: a seen object is an object and alive.
                target: unsafe { Target::of(op, self.explained.has_seen(op)) },
            });
        }
    }
}
