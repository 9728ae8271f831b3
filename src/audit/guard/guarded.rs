//! All objects that are alive when a check begins, held by pins, and whether anything about them changes.
//!
//! A snapshot tells which reference nothing explains. This file only tells that no count has changed. If every object keeps
//! its count, and no object is born or dies, a window leaks no reference and releases none too often.

use super::fingerprint::Fingerprint;
use super::pins::Pins;
use super::quarantine;
use crate::abi::{Head, PyObject};
use crate::audit::heap::blocks;
use crate::audit::heap::memory::Memory;
use crate::audit::heap::young;
use crate::audit::holds;
use crate::audit::walk::counted::{counted, may_be_held};
use crate::audit::walk::heap_walk::HeapWalk;
use crate::audit::walk::outside;
use crate::audit::walk::pinned::{self, REFERENCES};
use crate::audit::walk::recognise::{object_at, recognise};
use crate::audit::walk::statics;
use crate::audit::walk::types::{TYPE_WORD, Types};
use crate::audit::walk::unheld;
use crate::host::reserve;
use crate::refcount::{Current, Policy};

/// All objects of the process. Each is found again in one of these places:
/// - `old` has the mortal objects that were alive at the beginning. A pinned object does not die, so its address is
///   enough.
/// - `others` has the blocks in use at the beginning without such an object. An object may use them later: memory that
///   is parked in a free list lies in such a block.
/// - [`unheld::visit`] shows the blocks that were handed out since. `young` has the objects that the first run has left.
/// - `outside` has the objects in no block.
#[derive(Debug)]
pub struct Guarded {
    old: Pins,
    young: Pins,
    outside: Pins,
    all_outside: Vec<*mut PyObject>,
    others: Vec<usize>,
    /// Whether the audit noted new blocks before.
    noted_before: bool,
    /// The last look, with the bytes in use in the C heap.
    last: Option<(Fingerprint, Option<isize>)>,
    /// The number of objects that were pinned after the first run.
    pub held: usize,
    /// The number of pinned objects that had no other reference at the last look.
    pub lost: usize,
}

impl Guarded {
    /// Guards no object yet. Starts to note the blocks that are handed out.
    ///
    /// # Safety
    /// The host's lock is held.
    #[must_use]
    pub unsafe fn new() -> Self {
        // SAFETY: the host's lock is held, as all callees ask.
        unsafe {
            Self {
                old: Pins::new(),
                young: Pins::new(),
                outside: Pins::new(),
                all_outside: Vec::new(),
                others: Vec::new(),
                noted_before: unheld::switch(true),
                last: None,
                held: 0,
                lost: 0,
            }
        }
    }

    /// Looks for all objects, and pins them. `None` without memory; then [`Guarded::let_go`] must follow.
    ///
    /// # Safety
    /// The host's lock is held: no other thread ends objects or counts meanwhile. This is the first call.
    pub unsafe fn begin(&mut self) -> Option<()> {
        // SAFETY: the host's lock is held. Each object was just recognised, so it is alive, and `may_be_held` says that
        // it is mortal. The sets are empty, as this is the first call.
        unsafe {
            let (mut types, memory) = (Types::new(), Memory::look()?);
            if outside::known(&memory).is_none() {
                HeapWalk::over_all()?.remember_outside();
            }
            let mut outside = outside::known(&memory)?;
            statics::visit(&mut types, &memory, |op, _| outside.push(op));
            outside.sort_unstable();
            outside.dedup();
            outside.retain(|&op| object_at(op, &mut types, &memory).is_some());
            let mortal = outside.iter().copied().filter(|&op| may_be_held(op));
            self.outside.hold(|hold| mortal.for_each(hold));
            self.all_outside = outside;
            let mut all = Fingerprint::default();
            self.old.hold(|hold| {
                blocks::visit(|block, room| {
                    let Some((op, id)) = recognise(block, room, &mut types, &memory) else {
                        self.others.push(block);
                        return;
                    };
                    match counted(op) {
                        // Calls would use another frame, if theirs were pinned.
                        Some(refcount) if may_be_held(op) && !types.get(id).is_reused => {
                            hold(op);
                            all.add(op, types.get(id), refcount + REFERENCES, op as usize);
                        }
                        // An immortal object stays.
                        None if Current::is_immortal(PyObject::count(op)) => {}
                        _ => self.others.push(block),
                    }
                });
            });
            let (c_heap, _) = self.look_at_rest(&mut all, &mut types, &memory);
            self.last = Some((all, c_heap));
            Some(())
        }
    }

    /// Pins the objects that were born since the beginning, which the first run has left. `None` without memory.
    ///
    /// # Safety
    /// The host's lock is held: no other thread ends objects or counts meanwhile. This is the first call.
    pub unsafe fn hold_young(&mut self) -> Option<()> {
        let (mut types, memory) = (Types::new(), Memory::look()?);
        // SAFETY: the host's lock is held. The look finds objects that are mortal and in no set.
        unsafe {
            let (_, born) = self.look_at_rest(&mut Fingerprint::default(), &mut types, &memory);
            self.young.hold(|hold| born.into_iter().for_each(hold));
        }
        self.held = self.old.objects() + self.young.objects() + self.outside.objects();
        Some(())
    }

    /// Whether nothing has changed since the last look, or since the beginning: each pinned object has its count, and
    /// there are as many other objects of each type and count. The noted blocks have the same lengths, and the C heap has
    /// grown by less than `c_heap` bytes. If nothing has changed, removes the pins from `old`, but for those objects that
    /// have no other reference. `None` without memory.
    ///
    /// # Safety
    /// The host's lock is held: no other thread ends objects or counts meanwhile.
    pub unsafe fn is_unchanged(&mut self, c_heap: usize) -> Option<bool> {
        // SAFETY: the host's lock is held. A pinned object is alive, so its head can be read. Nothing happens between
        // `remove` and `add_back`.
        unsafe {
            let (mut types, memory) = (Types::new(), Memory::look()?);
            let mut all = Fingerprint::default();
            self.lost = 0;
            let (in_use, _) = self.look_at_rest(&mut all, &mut types, &memory);
            // A pin is removed right after the look, while the processor still has the object in its cache.
            let removed = self.old.remove(|op, refcount| {
                let word = *((op as usize + TYPE_WORD) as *const usize);
                if let Some(id) = types.type_at(word, &memory) {
                    all.add(op, types.get(id), refcount, op as usize);
                }
                let is_lost = is_lost(refcount % REFERENCES);
                self.lost += usize::from(is_lost);
                !is_lost
            });
            let is_small = |(before, now): (isize, isize)| now - before < c_heap as isize;
            let last = self.last.replace((all, in_use));
            let is_unchanged = !reserve::is_short()
                && last.is_some_and(|(before, was_in_use)| {
                    before == all && was_in_use.zip(in_use).is_none_or(is_small)
                });
            if !is_unchanged {
                self.old.add_back(removed);
            }
            Some(is_unchanged)
        }
    }

    /// The bytes in use in the C heap at the last look; `None` if they can't be measured.
    #[must_use]
    pub fn c_heap(&self) -> Option<isize> {
        self.last.and_then(|(_, c_heap)| c_heap)
    }

    /// Adds everything but `old`. Returns the bytes in use in the C heap, and the objects in no set that could be pinned.
    ///
    /// # Safety
    /// The host's lock is held: no other thread ends objects or counts meanwhile.
    unsafe fn look_at_rest(
        &mut self,
        all: &mut Fingerprint,
        types: &mut Types,
        memory: &Memory,
    ) -> (Option<isize>, Vec<*mut PyObject>) {
        let mut born = Vec::new();
        let pinned = pinned::pinned();
        // SAFETY: the host's lock is held. Each object is recognised before it is read.
        unsafe {
            for &op in &self.all_outside {
                if let Some(id) = object_at(op, types, memory)
                    && let Some(refcount) = counted(op)
                {
                    all.add(op, types.get(id), refcount, op as usize);
                }
            }
            let mut look_into =
                |block: usize, room: usize, is_pinned: bool, all: &mut Fingerprint| {
                    let Some((op, id)) = recognise(block, room, types, memory) else {
                        return;
                    };
                    let Some(refcount) = counted(op) else {
                        return;
                    };
                    let rest = refcount % REFERENCES;
                    if !is_pinned {
                        all.add(op, types.get(id), refcount, 0);
                        if may_be_held(op) && !types.get(id).is_reused {
                            born.push(op);
                        }
                    } else if rest != 0 {
                        self.lost += usize::from(is_lost(rest));
                        all.add(op, types.get(id), rest, 0);
                    } else {
                        // Only its pin keeps it alive. It is left out: a new object may have taken its place.
                        self.lost += 1;
                    }
                };
            let mut left = pinned.cursor(self.young.number());
            for &block in &self.others {
                if let Some(room) = blocks::room(block)
                    && young::find(block).is_none()
                {
                    let is_pinned = left.find(block, room).is_some();
                    look_into(block, room, is_pinned, all);
                }
            }
            let mut left = pinned.cursor(self.young.number());
            let mut old = pinned.cursor(self.old.number());
            let c_heap = unheld::visit(quarantine::in_c_heap(), |note| {
                if !holds::is_parked(note.start, note.bytes) {
                    all.add_block(&note);
                }
                if let Some(room) = blocks::room(note.start)
                    && old.find(note.start, room).is_none()
                {
                    let is_pinned = left.find(note.start, room).is_some();
                    look_into(note.start, room, is_pinned, all);
                }
            });
            for dead in quarantine::dead().values() {
                all.after_death += dead.references;
            }
            (c_heap, born)
        }
    }

    /// Removes the pins.
    ///
    /// # Safety
    /// The host's lock is held.
    pub unsafe fn let_go(self) {
        // SAFETY: the host's lock is held, as all callees ask.
        unsafe {
            self.old.let_go();
            self.young.let_go();
            self.outside.let_go();
            if !self.noted_before {
                unheld::switch(false);
            }
        }
    }
}

/// Whether an object has no references but pins, or lacks some. `rest` are its references beyond whole pins.
fn is_lost(rest: isize) -> bool {
    rest == 0 || rest > REFERENCES / 2
}
