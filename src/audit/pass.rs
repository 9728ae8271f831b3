//! One walk over all objects, in which each reference that an object shows is explained.

use rustc_hash::{FxHashMap, FxHashSet};

use super::blocks;
use super::door::door;
use super::holds::{self, Held};
use super::ledger::Ledger;
use super::memory::Memory;
use super::pins;
use super::recognise::{PAIR, object_at, recognise};
use super::statics;
use super::tracked::Tracked;
use super::types::{Asked, TYPE_WORD, TypeId, TypeInfo, Types};
use super::words::may_be_address;
use crate::abi::{FLAVOUR, PyObject, PyTypeObject};
use crate::host::{self, reserve};
use crate::watch::live;

/// An object that was met.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) op: *mut PyObject,
    pub(super) ob_type: TypeId,
}

/// The walk, as far as it has come.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) ledger: Ledger,
    pub(super) types: Types,
    pub(super) memory: Memory,
    tracked: Tracked,
    /// In the order in which they were met; those at the end have yet to be asked.
    pub(super) seen: Vec<Seen>,
    /// References that were explained.
    pub(super) references: usize,
    /// References to types that their instances hold and do not show.
    unsaid: FxHashMap<usize, isize>,
    /// What `atexit` holds; NULL among it.
    pub(super) roots: Vec<*mut PyObject>,
    /// Parts that several objects have in common.
    parts: FxHashSet<usize>,
    /// Words that were read and led to no object that was met by then.
    early: Vec<*mut PyObject>,
    /// Whether the memory of what is met was never anybody's buffer: then fields lead to objects.
    is_trusting: bool,
    /// The type of the object that is being asked, and whether it has shown it.
    asked: (*mut PyObject, bool),
}

impl Held for Pass {
    #[inline]
    fn visited(&mut self, op: *mut PyObject) {
        if self.ledger.explain(op, 1) || self.meet(op) && self.ledger.explain(op, 1) {
            self.references += 1;
            self.asked.1 |= op == self.asked.0;
        }
    }

    fn read(&mut self, word: *mut PyObject) {
        if self.ledger.has_seen(word) || self.can_be_met(word) {
            self.visited(word);
        } else if may_be_address(word as usize) {
            self.early.push(word);
        }
    }

    fn is_first(&mut self, part: usize) -> bool {
        self.parts.insert(part)
    }

    fn is_readable(&self, address: usize, bytes: usize) -> bool {
        self.memory.is_readable(address, bytes)
    }

    fn is_static(&self, op: *mut PyObject) -> bool {
        self.memory.is_static(op as usize, size_of::<PyObject>())
    }
}

/// Calls `found` with each object in a block that is in use, or in the live table where there is no host. Blocks are left
/// out where `is_known` says so, which is called with their start and room, in order of addresses.
///
/// # Safety
/// The host's lock is held: nobody ends objects meanwhile.
pub(super) unsafe fn enumerate(
    types: &mut Types,
    memory: &Memory,
    mut is_known: impl FnMut(usize, usize) -> bool,
    mut found: impl FnMut(*mut PyObject, TypeId),
) {
    // SAFETY: the caller's promise. So many bytes of a block in use can be read, and what is in the table is alive.
    unsafe {
        if host::has_interpreter() {
            blocks::visit(|block, room| {
                if !is_known(block, room)
                    && let Some((op, ob_type)) = recognise(block, room, types, memory)
                {
                    found(op, ob_type);
                }
            });
        } else {
            live::visit(0, |op| {
                let word = *((op as usize + TYPE_WORD) as *const usize);
                if !is_known(op as usize, size_of::<PyObject>())
                    && let Some(ob_type) = types.judge(word, memory)
                {
                    found(op, ob_type);
                }
                true
            });
        }
    }
}

impl Pass {
    /// Whether an object that was met starts in a block, behind the words that its type puts in front.
    ///
    /// # Safety
    /// Nothing has ended what was met.
    pub(super) unsafe fn has_object(&self, start: usize, bytes: usize) -> bool {
        (0..3_u8).any(|pairs| {
            let front = usize::from(pairs) * PAIR;
            let op = (start + front) as *mut PyObject;
            front + size_of::<PyObject>() <= bytes
                && self.ledger.has_seen(op)
                // SAFETY: what was met is an object, and the caller says that it is alive.
                && self.types.pairs_of(unsafe { (*op).ob_type }) == Some(pairs)
        })
    }

    /// A walk that has met nothing; `None` where there is no memory.
    pub(super) fn new(is_trusting: bool) -> Option<Self> {
        Some(Self {
            ledger: Ledger::new()?,
            types: Types::new(),
            memory: Memory::look()?,
            tracked: Tracked::look(),
            seen: Vec::new(),
            references: 0,
            unsaid: FxHashMap::default(),
            roots: Vec::new(),
            parts: FxHashSet::default(),
            early: Vec::new(),
            is_trusting,
            asked: (std::ptr::null_mut(), false),
        })
    }

    /// A walk over the objects in blocks that are in use, or in the live table where there is no host, and over all that
    /// those hold.
    ///
    /// # Safety
    /// The host's lock is held: nobody ends objects meanwhile.
    pub(super) unsafe fn over_all() -> Option<Self> {
        let mut pass = Self::new(false)?;
        // SAFETY: the caller's promise is the callees'.
        unsafe {
            let (types, memory) = (&mut pass.types, &pass.memory);
            enumerate(
                types,
                memory,
                |_, _| false,
                |op, ob_type| {
                    pass.ledger.see(op);
                    pass.seen.push(Seen { op, ob_type });
                },
            );
            statics::visit(types, memory, |op, ob_type| {
                if pass.ledger.see(op) {
                    pass.seen.push(Seen { op, ob_type });
                }
            });
            if let Some(door) = door() {
                (door.exit_callbacks)(&mut |op| {
                    pass.visited(op);
                    pass.roots.push(op);
                });
            }
            pass.ask_all();
        }
        pins::explain(&pass.ledger);
        Some(pass)
    }

    /// A walk over these objects, which are known to be some, and over all that those hold.
    ///
    /// # Safety
    /// They are objects, and the host's lock is held.
    pub(super) unsafe fn over_trusted(roots: impl Iterator<Item = *mut PyObject>) -> Option<Self> {
        let mut pass = Self::new(true)?;
        for op in roots {
            pass.meet(op);
        }
        // SAFETY: the caller's promise is the callee's.
        unsafe { pass.ask_all() };
        Some(pass)
    }

    /// The type of an object that was met.
    pub(super) fn info(&self, seen: Seen) -> &TypeInfo {
        &self.types.all()[seen.ob_type as usize]
    }

    /// The object at an address, if it was met.
    pub(super) fn find(&mut self, op: *mut PyObject) -> Option<Seen> {
        if !self.ledger.has_seen(op) {
            return None;
        }
        // SAFETY: an object was seen there.
        let word = unsafe { *((op as usize + TYPE_WORD) as *const usize) };
        let ob_type = self.types.judge(word, &self.memory)?;
        Some(Seen { op, ob_type })
    }

    /// Whether an object may be asked by its `tp_traverse`.
    ///
    /// # Safety
    /// It was met, and nothing has ended it.
    pub(super) unsafe fn may_be_asked(&self, seen: Seen) -> bool {
        // SAFETY: what was met has the size of its type.
        self.info(seen).asked != Asked::Never && unsafe { self.tracked.has(seen.op, &self.memory) }
    }

    /// Meets an object that lies in no block; false where none is there, or it was met before.
    #[cold]
    fn meet(&mut self, op: *mut PyObject) -> bool {
        let Some(ob_type) = object_at(op, &mut self.types, &self.memory) else {
            return false;
        };
        // What lies in a block and was not met there was born since the walk began: a traverse has made it.
        let front = usize::from(self.types.get(ob_type).pairs) * PAIR;
        let is_born = !self.is_trusting && blocks::room(op as usize - front).is_some();
        let is_new = !is_born && self.ledger.see(op);
        if is_new {
            self.seen.push(Seen { op, ob_type });
        }
        is_new
    }

    /// Whether a word that was read, and that no visitor was handed, may lead to an object in no block: to a static one, or
    /// anywhere where all memory is known for what it is.
    fn can_be_met(&mut self, word: *mut PyObject) -> bool {
        let is_static = self.memory.is_static(word as usize, size_of::<PyObject>());
        (is_static || self.is_trusting) && object_at(word, &mut self.types, &self.memory).is_some()
    }

    /// Asks everything that was met, and what is met meanwhile.
    ///
    /// # Safety
    /// The host's lock is held.
    unsafe fn ask_all(&mut self) {
        let mut at = 0;
        while let Some(&seen) = self.seen.get(at).filter(|_| !reserve::is_short()) {
            at += 1;
            let info = self.types.get(seen.ob_type);
            let ob_type = info.ob_type.cast::<PyObject>();
            let (asked, also, is_heap) = (info.asked, info.also, info.is_heap);
            let has_more = also.is_some() || info.has_inline_values;
            info.objects += 1;
            if info.objects == 1 && self.ledger.see(ob_type) {
                // Instances of a static type do not hold it, and may be all that leads there.
                self.note_type(ob_type);
            }
            if asked == Asked::Never && also.is_none() && !is_heap {
                continue;
            }
            // SAFETY: what was met is an object of its type; it is asked by `tp_traverse` only while it is tracked.
            let tracked = unsafe {
                let tracked = asked != Asked::Never && self.tracked.has(seen.op, &self.memory);
                self.asked = (ob_type, false);
                let traverse = (*ob_type.cast::<PyTypeObject>()).tp_traverse;
                if let (true, false, Some(traverse)) = (tracked, has_more, traverse) {
                    // Nearly always that is all there is to ask.
                    traverse(seen.op, Some(holds::visit::<Self>), (&raw mut *self).cast());
                } else {
                    let info = self.info(seen).clone();
                    holds::ask(seen.op, &info, tracked, self);
                }
                tracked
            };
            // Every instance of a type made at run time holds it. Those of Python's own classes always say so, others from
            // 3.9 on.
            if is_heap && !self.asked.1 {
                if asked == Asked::Tracked && tracked && FLAVOUR.minor >= 9 {
                    // It should have shown it: a type that forgets that makes circles which the collector can't end.
                    *self.unsaid.entry(ob_type as usize).or_default() += 1;
                } else {
                    self.visited(ob_type);
                }
            }
        }
        // An object in no block may be read before anything leads to it that is certain.
        for word in std::mem::take(&mut self.early) {
            self.references += usize::from(self.ledger.explain(word, 1));
        }
    }

    fn note_type(&mut self, ob_type: *mut PyObject) {
        // SAFETY: a type is an object.
        let word = unsafe { *((ob_type as usize + TYPE_WORD) as *const usize) };
        if let Some(id) = self.types.judge(word, &self.memory) {
            self.seen.push(Seen {
                op: ob_type,
                ob_type: id,
            });
        }
    }

    /// References to types that their instances hold and do not show.
    pub(super) fn unsaid(&self) -> &FxHashMap<usize, isize> {
        &self.unsaid
    }

    /// What one object shows.
    ///
    /// # Safety
    /// It was met, and nothing has ended it.
    pub(super) unsafe fn shown_by(&self, seen: Seen, shown: &mut Vec<usize>) {
        struct Collect<'a>(&'a Pass, &'a mut Vec<usize>);
        impl Held for Collect<'_> {
            fn visited(&mut self, op: *mut PyObject) {
                // A traverse may visit what it makes only then, or what is no object at all.
                if self.0.ledger.has_seen(op) {
                    self.1.push(op as usize);
                }
            }
            fn read(&mut self, word: *mut PyObject) {
                self.visited(word);
            }
            fn is_first(&mut self, _part: usize) -> bool {
                true
            }
            fn is_readable(&self, address: usize, bytes: usize) -> bool {
                self.0.memory.is_readable(address, bytes)
            }
            fn is_static(&self, op: *mut PyObject) -> bool {
                self.0.is_static(op)
            }
        }
        shown.clear();
        // SAFETY: the caller's promise.
        unsafe {
            let tracked = self.may_be_asked(seen);
            holds::ask(seen.op, self.info(seen), tracked, &mut Collect(self, shown));
        }
    }
}
