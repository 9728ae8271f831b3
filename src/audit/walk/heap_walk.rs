//! One walk over all objects, which explains each reference that an object shows.

use rustc_hash::{FxHashMap, FxHashSet};

use super::pinned;
use super::recognise::{object_at, recognise};
use super::statics;
use super::types::PAIR;
use super::types::{TYPE_WORD, TypeId, Types};
use super::word::may_be_address;
use crate::abi::{FLAVOUR, PyObject, PyTypeObject};
use crate::audit::heap::blocks;
use crate::audit::heap::explained::Explained;
use crate::audit::heap::host_hooks::host_hooks;
use crate::audit::heap::memory::Memory;
use crate::audit::heap::tracked::Tracked;
use crate::audit::holds::{self, Asked, TypeInfo, Visitor};
use crate::host::{self, reserve};
use crate::watch::live;

/// An object that the walk has met.
#[derive(Clone, Copy, Debug)]
pub(in crate::audit) struct Seen {
    pub(in crate::audit) op: *mut PyObject,
    pub(in crate::audit) ob_type: TypeId,
}

/// The state of the walk.
#[derive(Debug)]
pub(in crate::audit) struct HeapWalk {
    pub(in crate::audit) explained: Explained,
    pub(in crate::audit) types: Types,
    pub(in crate::audit) memory: Memory,
    tracked: Tracked,
    /// In the order of meeting. The walk has yet to ask those at the end.
    pub(in crate::audit) seen: Vec<Seen>,
    /// The number of explained references.
    pub(in crate::audit) references: usize,
    /// References to types that their instances hold and do not show.
    unsaid: FxHashMap<usize, isize>,
    /// The objects that `atexit` holds, with NULLs among them.
    pub(in crate::audit) roots: Vec<*mut PyObject>,
    /// Addresses of parts that several objects share, such as the keys of dictionaries.
    parts: FxHashSet<usize>,
    /// Words that were read before any object was met at their address.
    early: Vec<*mut PyObject>,
    /// Whether every word in a met object's memory can be trusted: the memory never held raw bytes.
    is_trusting: bool,
    /// The type of the object that is being asked, and whether the object has shown its type.
    asked: (*mut PyObject, bool),
}

impl Visitor for HeapWalk {
    #[inline]
    fn visited(&mut self, op: *mut PyObject) {
        if self.explained.explain(op, 1) || self.meet(op) && self.explained.explain(op, 1) {
            self.references += 1;
            self.asked.1 |= op == self.asked.0;
        }
    }

    fn read(&mut self, word: *mut PyObject) {
        if self.explained.has_seen(word) || self.can_be_met(word) {
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

/// Calls `found` with each object in a block in use or, without a host, in the live table. Skips the blocks for which
/// `is_known` returns true. `is_known` gets the start and the room of each block, in order of addresses.
///
/// # Safety
/// The host's lock is held: no other thread ends objects meanwhile.
pub(in crate::audit) unsafe fn enumerate(
    types: &mut Types,
    memory: &Memory,
    mut is_known: impl FnMut(usize, usize) -> bool,
    mut found: impl FnMut(*mut PyObject, TypeId),
) {
    // SAFETY: the host's lock is held. So many bytes of a block in use can be read, and the objects in the table are
    // alive.
    unsafe {
        if host::has_interpreter() {
            blocks::visit(|block, room| {
                if !is_known(block, room)
                    && let Some((op, kind)) = recognise(block, room, types, memory)
                {
                    found(op, kind.id);
                }
            });
        } else {
            live::visit(0, |op| {
                let word = *((op as usize + TYPE_WORD) as *const usize);
                if !is_known(op as usize, size_of::<PyObject>())
                    && let Some(ob_type) = types.type_at(word, memory)
                {
                    found(op, ob_type);
                }
                true
            });
        }
    }
}

impl HeapWalk {
    /// Whether a met object starts in a block, behind the words that its type puts in front.
    ///
    /// # Safety
    /// No met object has died.
    pub(in crate::audit) unsafe fn has_object(&self, start: usize, bytes: usize) -> bool {
        (0..3_u8).any(|pairs| {
            let front = usize::from(pairs) * PAIR;
            let op = (start + front) as *mut PyObject;
            front + size_of::<PyObject>() <= bytes
                && self.explained.has_seen(op)
                // SAFETY: an object that was met is an object, and the caller promises that it is alive.
                && self.types.pairs_of(unsafe { (*op).ob_type }) == Some(pairs)
        })
    }

    /// A walk that has met nothing; `None` without memory.
    ///
    /// # Safety
    /// The host's lock is held.
    pub(in crate::audit) unsafe fn new(is_trusting: bool) -> Option<Self> {
        Some(Self {
            explained: Explained::new()?,
            types: Types::new(),
            memory: Memory::look()?,
            // SAFETY: the caller's promise is the callee's.
            tracked: unsafe { Tracked::look() },
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

    /// A walk over the objects in blocks in use or, without a host, in the live table, and over all objects that they
    /// hold.
    ///
    /// # Safety
    /// The host's lock is held: no other thread ends objects meanwhile.
    pub(in crate::audit) unsafe fn over_all() -> Option<Self> {
        // SAFETY: the host's lock is held, as all callees ask.
        unsafe {
            let mut walk = Self::new(false)?;
            let (types, memory) = (&mut walk.types, &walk.memory);
            enumerate(
                types,
                memory,
                |_, _| false,
                |op, ob_type| {
                    walk.explained.see(op);
                    walk.seen.push(Seen { op, ob_type });
                },
            );
            statics::visit(types, memory, |op, ob_type| {
                if walk.explained.see(op) {
                    walk.seen.push(Seen { op, ob_type });
                }
            });
            if let Some(hooks) = host_hooks() {
                (hooks.exit_callbacks)(&mut |op| {
                    walk.visited(op);
                    walk.roots.push(op);
                });
            }
            walk.ask_all();
            pinned::explain(&walk.explained);
            Some(walk)
        }
    }

    /// A walk over `roots` and over all objects that they hold.
    ///
    /// # Safety
    /// Each of `roots` is an object, and the host's lock is held.
    pub(in crate::audit) unsafe fn over_trusted(
        roots: impl Iterator<Item = *mut PyObject>,
    ) -> Option<Self> {
        // SAFETY: the host's lock is held, as the callees ask. Each of `roots` is an object, so the walk may trust its
        // words.
        unsafe {
            let mut walk = Self::new(true)?;
            for op in roots {
                walk.meet(op);
            }
            walk.ask_all();
            Some(walk)
        }
    }

    /// The type of a met object.
    pub(in crate::audit) fn info(&self, seen: Seen) -> &TypeInfo {
        &self.types.all()[seen.ob_type as usize]
    }

    /// The object at an address, if the walk has met one there.
    pub(in crate::audit) fn find(&mut self, op: *mut PyObject) -> Option<Seen> {
        if !self.explained.has_seen(op) {
            return None;
        }
        // SAFETY: an object was met there, so its head can be read.
        let word = unsafe { *((op as usize + TYPE_WORD) as *const usize) };
        let ob_type = self.types.type_at(word, &self.memory)?;
        Some(Seen { op, ob_type })
    }

    /// Whether an object's `tp_traverse` may be called.
    ///
    /// # Safety
    /// The object was met and has not died.
    pub(in crate::audit) unsafe fn may_be_asked(&self, seen: Seen) -> bool {
        // SAFETY: an object that was met has the size of its type, with the words in front of it.
        self.info(seen).asked != Asked::Never && unsafe { self.tracked.has(seen.op, &self.memory) }
    }

    /// Meets an object that lies in no block; false if none is there, or if it was met before.
    #[cold]
    fn meet(&mut self, op: *mut PyObject) -> bool {
        let Some(kind) = object_at(op, &mut self.types, &self.memory) else {
            return false;
        };
        // A block's object that the walk has not met was born since the walk began: a `tp_traverse` has created it.
        let front = usize::from(kind.pairs) * PAIR;
        let is_born = !self.is_trusting && blocks::room(op as usize - front).is_some();
        let is_new = !is_born && self.explained.see(op);
        if is_new {
            self.seen.push(Seen {
                op,
                ob_type: kind.id,
            });
        }
        is_new
    }

    /// Whether a word that was read, not visited, may lead to an object outside all blocks: to a static object, or to
    /// any object in a trusting walk.
    fn can_be_met(&mut self, word: *mut PyObject) -> bool {
        let is_static = self.memory.is_static(word as usize, size_of::<PyObject>());
        (is_static || self.is_trusting) && object_at(word, &mut self.types, &self.memory).is_some()
    }

    /// Asks each met object what it holds, including those met meanwhile.
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
            if info.objects == 1 && self.explained.see(ob_type) {
                // Instances of a static type do not hold it, and no other object may lead to it.
                self.note_type(ob_type);
            }
            if asked == Asked::Never && also.is_none() && !is_heap {
                continue;
            }
            // SAFETY: a met object has its type, and `tp_traverse` is called only while the collector tracks the
            // object.
            let tracked = unsafe {
                let tracked = asked != Asked::Never && self.tracked.has(seen.op, &self.memory);
                self.asked = (ob_type, false);
                let traverse = (*ob_type.cast::<PyTypeObject>()).tp_traverse;
                if let (true, false, Some(traverse)) = (tracked, has_more, traverse) {
                    // The fast path for nearly all objects.
                    traverse(seen.op, Some(holds::visit::<Self>), (&raw mut *self).cast());
                } else {
                    let info = self.info(seen).clone();
                    holds::ask(seen.op, &info, tracked, self);
                }
                tracked
            };
            // Every instance of a heap type holds a reference to it. Instances of Python classes always show it, others
            // from 3.9 on.
            if is_heap && !self.asked.1 {
                if asked == Asked::Tracked && tracked && FLAVOUR.visits_heap_types() {
                    // The instance should have shown its type. A type that forgets this makes cycles that the collector
                    // can't free.
                    *self.unsaid.entry(ob_type as usize).or_default() += 1;
                } else {
                    self.visited(ob_type);
                }
            }
        }
        // An object outside all blocks may be read before another object visits it. By now, all objects have been met.
        for word in std::mem::take(&mut self.early) {
            self.references += usize::from(self.explained.explain(word, 1));
        }
    }

    fn note_type(&mut self, ob_type: *mut PyObject) {
        // SAFETY: a type is an object, so its head can be read.
        let word = unsafe { *((ob_type as usize + TYPE_WORD) as *const usize) };
        if let Some(id) = self.types.type_at(word, &self.memory) {
            self.seen.push(Seen {
                op: ob_type,
                ob_type: id,
            });
        }
    }

    /// References to types that their instances hold and do not show.
    pub(in crate::audit) fn unsaid(&self) -> &FxHashMap<usize, isize> {
        &self.unsaid
    }

    /// Collects the references that one object shows.
    ///
    /// # Safety
    /// The object was met and has not died.
    pub(in crate::audit) unsafe fn shown_by(&self, seen: Seen, shown: &mut Vec<usize>) {
        struct Collect<'a>(&'a HeapWalk, &'a mut Vec<usize>);
        impl Visitor for Collect<'_> {
            fn visited(&mut self, op: *mut PyObject) {
                // A `tp_traverse` may visit an object that it has just created, or an address without an object.
                if self.0.explained.has_seen(op) {
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
        // SAFETY: the object was met and is alive, so it has its type.
        unsafe {
            let tracked = self.may_be_asked(seen);
            holds::ask(seen.op, self.info(seen), tracked, &mut Collect(self, shown));
        }
    }
}
