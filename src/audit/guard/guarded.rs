//! All objects that are alive when a check begins, held by pins, and whether anything about them changes.
//!
//! A snapshot tells which reference nothing explains. This file only tells that no count has changed. If every object keeps
//! its count, and no object is born or dies, a window leaks no reference and releases none too often.

use super::fingerprint::Fingerprint;
use super::pins::Pins;
use super::quarantine;
use crate::abi::{Head, PyObject, PyTypeObject};
use crate::audit::heap::blocks;
use crate::audit::heap::memory::Memory;
use crate::audit::heap::young;
use crate::audit::holds;
use crate::audit::walk::counted::{counted, may_be_held};
use crate::audit::walk::heap_walk::HeapWalk;
use crate::audit::walk::outside;
use crate::audit::walk::pinned::{self, REFERENCES};
use crate::audit::walk::recent::Kind;
use crate::audit::walk::recognise::{object_at, object_in, recognise};
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
    /// The types of the first look that can't die before the last.
    types: Types,
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
                types: Types::new(),
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
            let memory = Memory::look()?;
            if outside::known(&memory).is_none() {
                HeapWalk::over_all()?.remember_outside();
            }
            let mut outside = outside::known(&memory)?;
            statics::visit(&mut self.types, &memory, |op, _| outside.push(op));
            outside.sort_unstable();
            outside.dedup();
            outside.retain(|&op| object_at(op, &mut self.types, &memory).is_some());
            let mortal = outside.iter().copied().filter(|&op| may_be_held(op));
            self.outside.hold(|held| held.add_all(mortal));
            self.all_outside = outside;
            let mut all = Fingerprint::default();
            self.old.hold_many(|held| {
                blocks::visit(|block, room| {
                    let Some((op, kind)) = recognise(block, room, &mut self.types, &memory) else {
                        self.others.push(block);
                        return;
                    };
                    let Some(refcount) = counted(op) else {
                        // An immortal object stays.
                        if !Current::is_immortal(PyObject::count(op)) {
                            self.others.push(block);
                        }
                        return;
                    };
                    // Calls would use another frame, if theirs were pinned.
                    if may_be_held(op) && !kind.is_reused {
                        held.add(op);
                        all.add(op, kind, refcount + REFERENCES, op as usize);
                    } else {
                        self.others.push(block);
                        if young::find(block).is_none() {
                            all.add(op, kind, refcount, 0);
                        }
                    }
                });
            });
            let mut born = Vec::new();
            self.look_at_outside(&mut all, &memory);
            let c_heap = self.look_at_noted(&mut all, &memory, true, &mut born);
            self.types.keep(|ob_type| stays(ob_type, &memory));
            self.last = Some((all, c_heap));
            Some(())
        }
    }

    /// Pins the objects that were born since the beginning, which the first run has left. `None` without memory.
    ///
    /// # Safety
    /// The host's lock is held: no other thread ends objects or counts meanwhile. This is the first call.
    pub unsafe fn hold_young(&mut self) -> Option<()> {
        let memory = Memory::later();
        let (mut all, mut born) = (Fingerprint::default(), Vec::new());
        // SAFETY: the host's lock is held. The look finds objects that are mortal and in no set.
        unsafe {
            self.look_at_others(&mut all, &memory, &mut born);
            self.look_at_noted(&mut all, &memory, false, &mut born);
            self.types.keep(|ob_type| stays(ob_type, &memory));
            self.young.hold(|held| held.add_all(born.into_iter()));
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
            let memory = Memory::later();
            let (mut all, mut born) = (Fingerprint::default(), Vec::new());
            self.lost = 0;
            self.look_at_outside(&mut all, &memory);
            self.look_at_others(&mut all, &memory, &mut born);
            let in_use = self.look_at_noted(&mut all, &memory, true, &mut born);
            // A pin is removed right after the look, while the processor still has the object in its cache.
            let removed = self.old.remove(|op, refcount| {
                let word = *((op as usize + TYPE_WORD) as *const usize);
                if let Some(kind) = self.types.kind_at(word, &memory) {
                    all.add(op, kind, refcount, op as usize);
                }
                let is_lost = is_lost(beyond_pins(refcount));
                self.lost += usize::from(is_lost);
                !is_lost
            });
            let is_small = |(before, now): (isize, isize)| now - before < c_heap as isize;
            let last = self.last.replace((all, in_use));
            let is_unchanged = !reserve::is_short()
                && last.is_some_and(|(before, was_in_use)| {
                    before == all && was_in_use.zip(in_use).is_none_or(is_small)
                });
            if is_unchanged {
                pinned::pinned().keep_room(removed);
            } else {
                self.old.add_back(removed);
                self.types.keep(|ob_type| stays(ob_type, &memory));
            }
            Some(is_unchanged)
        }
    }

    /// The bytes in use in the C heap at the last look; `None` if they can't be measured.
    #[must_use]
    pub fn c_heap(&self) -> Option<isize> {
        self.last.and_then(|(_, c_heap)| c_heap)
    }

    /// Adds the objects in no block.
    ///
    /// # Safety
    /// The host's lock is held: no other thread ends objects or counts meanwhile.
    unsafe fn look_at_outside(&mut self, all: &mut Fingerprint, memory: &Memory) {
        let pinned = pinned::pinned();
        let mut held = pinned.cursor(self.outside.number());
        for &op in &self.all_outside {
            // SAFETY: the host's lock is held. Each object is recognised before it is read. A held one is alive.
            unsafe {
                let kind = if held.find(op as usize, 1).is_some() {
                    object_in(op, &mut self.types, memory)
                } else {
                    object_at(op, &mut self.types, memory)
                };
                if let Some(kind) = kind
                    && let Some(refcount) = counted(op)
                {
                    all.add(op, kind, refcount, op as usize);
                }
            }
        }
    }

    /// Adds the objects in `others`. Adds to `born` those in no set that could be pinned.
    ///
    /// # Safety
    /// The host's lock is held: no other thread ends objects or counts meanwhile.
    unsafe fn look_at_others(
        &mut self,
        all: &mut Fingerprint,
        memory: &Memory,
        born: &mut Vec<*mut PyObject>,
    ) {
        let pinned = pinned::pinned();
        let mut left = pinned.cursor(self.young.number());
        for &block in &self.others {
            let Some(room) = blocks::room(block) else {
                continue;
            };
            // SAFETY: the host's lock is held, and so many bytes of a block in use can be read.
            unsafe {
                let Some(found) = recognise(block, room, &mut self.types, memory) else {
                    continue;
                };
                if young::find(block).is_none() {
                    let is_pinned = left.find(block, room).is_some();
                    self.lost += usize::from(add(found, is_pinned, all, born));
                }
            }
        }
    }

    /// Adds the blocks that were handed out since the beginning, and the objects in them but for `old`. Adds to `born`
    /// those in no set that could be pinned. Returns the bytes in use in the C heap if `is_measured`.
    ///
    /// # Safety
    /// The host's lock is held: no other thread ends objects or counts meanwhile.
    unsafe fn look_at_noted(
        &mut self,
        all: &mut Fingerprint,
        memory: &Memory,
        is_measured: bool,
        born: &mut Vec<*mut PyObject>,
    ) -> Option<isize> {
        let pinned = pinned::pinned();
        let mut left = pinned.cursor(self.young.number());
        let mut old = pinned.cursor(self.old.number());
        let held_back = is_measured.then(quarantine::in_c_heap);
        // SAFETY: the host's lock is held, and so many bytes of a block in use can be read.
        unsafe {
            let c_heap = unheld::visit(held_back, |note| {
                if !holds::is_parked(note.start, note.bytes) {
                    all.add_block(&note);
                }
                if let Some(room) = blocks::room(note.start)
                    && old.find(note.start, room).is_none()
                    && let Some(found) = recognise(note.start, room, &mut self.types, memory)
                {
                    let is_pinned = left.find(note.start, room).is_some();
                    self.lost += usize::from(add(found, is_pinned, all, born));
                }
            });
            for dead in quarantine::dead().values() {
                all.after_death += dead.references;
            }
            c_heap
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

/// Adds an object that is not among `old`. Adds it to `born` if it could be pinned and is not. Returns whether only its
/// pin keeps it alive, or not even that.
///
/// # Safety
/// The object was recognised, and the host's lock is held.
unsafe fn add(
    (op, kind): (*mut PyObject, &Kind),
    is_pinned: bool,
    all: &mut Fingerprint,
    born: &mut Vec<*mut PyObject>,
) -> bool {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        let Some(refcount) = counted(op) else {
            return false;
        };
        let rest = beyond_pins(refcount);
        if !is_pinned {
            all.add(op, kind, refcount, 0);
            if may_be_held(op) && !kind.is_reused {
                born.push(op);
            }
            return false;
        }
        // Without another reference it is left out: a new object may have taken its place.
        if rest != 0 {
            all.add(op, kind, rest, 0);
        }
        is_lost(rest)
    }
}

/// Whether a type that was recognised lives until the guard ends: it is immortal, in a library, or pinned.
fn stays(ob_type: usize, memory: &Memory) -> bool {
    // SAFETY: a type was recognised there in this look, so it is an object.
    let refcount = unsafe { counted(ob_type as *mut PyObject) };
    refcount.is_none_or(|refcount| refcount > REFERENCES / 2)
        || memory.is_static(ob_type, size_of::<PyTypeObject>())
}

/// The references beyond whole pins.
#[inline]
fn beyond_pins(refcount: isize) -> isize {
    let rest = refcount.wrapping_sub(REFERENCES);
    // Nearly all objects have one pin.
    if (0..REFERENCES).contains(&rest) {
        rest
    } else {
        refcount % REFERENCES
    }
}

/// Whether an object has no references but pins, or lacks some. `rest` are its references beyond whole pins.
fn is_lost(rest: isize) -> bool {
    rest == 0 || rest > REFERENCES / 2
}
