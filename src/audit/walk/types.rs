//! Recognises types, and caches the facts that the audit needs about each.

use rustc_hash::FxHashMap;
use std::mem::offset_of;

use super::recent::{Kind, Recent};
use super::word::may_be_address;
use crate::abi::{self, FLAVOUR, Head, PyObject, PyTypeObject, TypeFlags};
use crate::audit::heap::blocks;
use crate::audit::heap::builtin::builtin;
use crate::audit::heap::memory::Memory;
use crate::audit::holds::{self, Asked, TypeInfo};
use crate::host;
use crate::refcount::{Current, Policy};

pub(in crate::audit) use super::recent::TypeId;

/// The types that the audit has recognised.
#[derive(Debug)]
pub(in crate::audit) struct Types {
    all: Vec<TypeInfo>,
    ids: FxHashMap<usize, TypeId>,
    recent: Recent,
}

/// Bytes of a pair of words.
pub(in crate::audit) const PAIR: usize = 16;
/// `Py_TPFLAGS_READY`.
const READY: u64 = 1 << 12;
/// More local variables and stack slots than nearly all frames have.
const MOST_SLOTS: usize = 1 << 10;
/// No type has longer instances or longer items.
const LONGEST_INSTANCE: usize = 1 << 20;
/// No type has a longer name.
const LONGEST_NAME: usize = 1 << 10;
/// A chain of metatypes is never longer.
const DEEPEST: u8 = 8;
/// A chain of bases is never longer.
const MOST_BASES: usize = 1 << 10;

impl Types {
    pub(in crate::audit) fn new() -> Self {
        Self {
            all: Vec::new(),
            ids: FxHashMap::default(),
            recent: Recent::new(),
        }
    }

    pub(in crate::audit) fn all(&self) -> &[TypeInfo] {
        &self.all
    }

    #[inline]
    pub(in crate::audit) fn get(&mut self, id: TypeId) -> &mut TypeInfo {
        &mut self.all[id as usize]
    }

    /// The pairs of words in front of an instance; `None` if the type is not known.
    pub(in crate::audit) fn pairs_of(&self, ob_type: *const PyTypeObject) -> Option<u8> {
        let id = *self.ids.get(&(ob_type as usize))?;
        Some(self.all[id as usize].pairs)
    }

    /// Prepares the next look: forgets the types that do not stay until then, and all words that lead to no type.
    pub(in crate::audit) fn keep(&mut self, stays: impl Fn(usize) -> bool) {
        self.recent = Recent::new();
        self.ids.retain(|&word, _| stays(word));
    }

    /// The type at the address `word`; `None` if no type is there.
    #[inline]
    pub(in crate::audit) fn type_at(&mut self, word: usize, memory: &Memory) -> Option<TypeId> {
        Some(self.kind_at(word, memory)?.id)
    }

    /// As [`Types::type_at`].
    #[inline(always)]
    pub(in crate::audit) fn kind_at(&mut self, word: usize, memory: &Memory) -> Option<&Kind> {
        let is_type = self.recent.has(word)
            || may_be_address(word) && !lies_in_short_block(word) && self.find(word, memory);
        is_type.then(|| self.recent.kind(word))
    }

    /// The type at the address `word`, which [`Types::kind_at`] has found just now.
    #[inline(always)]
    pub(in crate::audit) fn last_kind(&self, word: usize) -> &Kind {
        self.recent.kind(word)
    }

    /// Whether a type is at the address `word`. Then it is among the recent ones.
    #[cold]
    fn find(&mut self, word: usize, memory: &Memory) -> bool {
        if self.recent.is_other(word) {
            return false;
        }
        let id = self.look_up(word, memory);
        let kind = id.map(|id| Kind::new(id, &self.all[id as usize]));
        self.recent.keep(word, kind);
        kind.is_some()
    }

    fn look_up(&mut self, word: usize, memory: &Memory) -> Option<TypeId> {
        if let Some(&id) = self.ids.get(&word) {
            return Some(id);
        }
        let is_type = if host::has_interpreter() {
            is_type(word, memory, DEEPEST) && has_types_as_bases(word, memory)
        } else {
            // A program without an interpreter has types without a type of their own.
            word.is_multiple_of(8) && memory.is_readable(word, size_of::<PyTypeObject>())
        };
        if !is_type {
            return None;
        }
        let id = self.all.len() as TypeId;
        // SAFETY: it was found to be a type.
        self.all
            .push(unsafe { describe(word as *mut PyTypeObject) });
        self.ids.insert(word, id);
        Some(id)
    }
}

/// Whether `word` leads to the first words of a block that is too short for a type. The collector's links do: they stand
/// where recognition looks for a type.
#[inline]
fn lies_in_short_block(word: usize) -> bool {
    [0, PAIR]
        .into_iter()
        .any(|front| blocks::is_shorter(word - front, front + size_of::<PyTypeObject>()))
}

/// Whether `word` is the address of a type: the type of `word` must be `PyType_Type` or a subclass. For a ready type in
/// a module's data or in a block in use, that is enough. For other memory, or before `PyType_Ready`, the fields must
/// also look like a type's.
fn is_type(word: usize, memory: &Memory, depth: u8) -> bool {
    if word == builtin().PyType_Type {
        return true;
    }
    // The collector's links lead from object to object, as types lead to their types.
    if depth == 0 || !may_be_address(word) || lies_in_short_block(word) {
        return false;
    }
    // Neither the table of blocks nor the loader's list is trusted with a read.
    if !memory.is_readable(word, size_of::<PyTypeObject>()) {
        return false;
    }
    let lies_as_usual = lies_where_types_lie(word, memory);
    let ob_type = word as *mut PyTypeObject;
    // SAFETY: the memory of a whole type can be read at `word`. The metatype is judged before its fields are read.
    unsafe {
        let meta = abi::type_of(word as *mut PyObject) as usize;
        Current::is_plausible(PyObject::count(word as *mut PyObject))
            && is_type(meta, memory, depth - 1)
            && TypeFlags((*(meta as *mut PyTypeObject)).tp_flags).is_type()
            && (lies_as_usual && (*ob_type).tp_flags & READY != 0 || is_filled_in(ob_type, memory))
    }
}

/// Whether the fields that every type needs have possible values: the sizes, the name and `tp_dealloc`.
///
/// # Safety
/// The memory of a whole type can be read at `ob_type`.
unsafe fn is_filled_in(ob_type: *mut PyTypeObject, memory: &Memory) -> bool {
    // SAFETY: the memory of a whole type can be read at `ob_type`.
    unsafe {
        let dealloc = (*ob_type).tp_dealloc.map_or(0, |dealloc| dealloc as usize);
        let item = (*ob_type).tp_itemsize;
        let is_heap = TypeFlags((*ob_type).tp_flags).is_heap_type();
        (size_of::<PyObject>() as isize..LONGEST_INSTANCE as isize)
            .contains(&(*ob_type).tp_basicsize)
            && (0..LONGEST_INSTANCE as isize).contains(&item)
            && memory.is_code(dealloc)
            && (!is_heap || memory.is_readable(ob_type as usize, holds::HEAP_TYPE))
            && is_name((*ob_type).tp_name as usize, memory)
    }
}

/// Whether a printable name of limited length lies at `address`.
fn is_name(address: usize, memory: &Memory) -> bool {
    for at in address..address.saturating_add(LONGEST_NAME) {
        if !memory.is_readable(at, 1) {
            return false;
        }
        // SAFETY: `memory` says that the byte can be read.
        match unsafe { *(at as *const u8) } {
            0 => return at != address,
            1..b' ' => return false,
            _ => {}
        }
    }
    false
}

/// Whether all bases are types. Only asked of a type in unusual memory.
fn has_types_as_bases(word: usize, memory: &Memory) -> bool {
    if lies_where_types_lie(word, memory) {
        return true;
    }
    let mut ob_type = word as *mut PyTypeObject;
    for _ in 0..MOST_BASES {
        // SAFETY: a type was found there.
        ob_type = unsafe { (*ob_type).tp_base };
        if ob_type.is_null() {
            return true;
        }
        if !is_type(ob_type as usize, memory, DEEPEST) {
            return false;
        }
    }
    false
}

fn lies_where_types_lie(word: usize, memory: &Memory) -> bool {
    let size = size_of::<PyTypeObject>();
    // A heap type is a container, and its metatype may put more words in front of it.
    let lies_in_block = (0..3).any(|pairs| {
        let front = pairs * PAIR;
        word >= front && blocks::room(word - front).is_some_and(|room| room >= front + size)
    });
    lies_in_block || memory.is_static(word, size)
}

/// The facts about a type.
///
/// # Safety
/// `ob_type` is a type.
unsafe fn describe(ob_type: *mut PyTypeObject) -> TypeInfo {
    // SAFETY: `ob_type` is a type.
    let (flags, traverse) = unsafe { (TypeFlags((*ob_type).tp_flags), (*ob_type).tp_traverse) };
    let asked = if ob_type as usize == builtin().PyTuple_Type {
        Asked::Tuple
    } else if flags.have_gc() && traverse.is_some() {
        Asked::Tracked
    } else {
        Asked::Never
    };
    // SAFETY: `ob_type` is a type.
    unsafe {
        TypeInfo {
            ob_type,
            pairs: flags.pairs_in_front(FLAVOUR),
            has_links: flags.have_gc() && !FLAVOUR.free_threaded && host::has_interpreter(),
            // Most strings are smaller than `tp_basicsize`: a compact string's text follows its first fields.
            least_size: if flags.is_string() {
                size_of::<PyObject>()
            } else {
                holds::least_size(ob_type)
            },
            asked,
            also: holds::of(ob_type),
            has_inline_values: holds::has_inline_values(ob_type),
            is_dict: ob_type as usize == builtin().PyDict_Type,
            has_length: flags.is_list_or_dict(),
            is_reused: FLAVOUR.runs_in_frame_objects()
                && ob_type as usize == builtin().PyFrame_Type,
            is_heap: flags.is_heap_type() && !holds::is_shown_for_instances(ob_type),
            is_foreign: is_foreign(ob_type),
            objects: 0,
            outside: 0,
        }
    }
}

/// Whether the type, or one of its bases, was written in C and is not CPython's own. Instances of such a type may hold
/// references that `tp_traverse` does not visit.
///
/// # Safety
/// `ob_type` is a type.
unsafe fn is_foreign(mut ob_type: *mut PyTypeObject) -> bool {
    let own = |address: usize| address == 0 || builtin().is_own(address);
    while !ob_type.is_null() {
        // SAFETY: a base of a type is a type.
        unsafe {
            let flags = TypeFlags((*ob_type).tp_flags);
            let dealloc = (*ob_type).tp_dealloc.map_or(0, |dealloc| dealloc as usize);
            let traverse = (*ob_type)
                .tp_traverse
                .map_or(0, |traverse| traverse as usize);
            let is_own = if flags.is_heap_type() {
                own(dealloc) && own(traverse) && !holds::has_hidden_fields(ob_type)
            } else {
                own(ob_type as usize)
            };
            if holds::is_all_known(ob_type) {
                ob_type = (*ob_type).tp_base;
                continue;
            }
            if !is_own || holds::is_elsewhere(ob_type) {
                return true;
            }
            ob_type = (*ob_type).tp_base;
        }
    }
    false
}

/// The size of an instance in bytes, without the words in front of it. A static type has only the first fields of its
/// metatype's instances, and other static data follows it.
///
/// # Safety
/// `op` is an object of type `ob_type`.
pub(in crate::audit) unsafe fn size_of_instance(
    op: *mut PyObject,
    ob_type: *mut PyTypeObject,
) -> usize {
    // SAFETY: `op` is an object of type `ob_type`. If its type is a metatype, it has the fields of a type.
    unsafe {
        let is_type = TypeFlags((*ob_type).tp_flags).is_type();
        if is_type && !TypeFlags((*op.cast::<PyTypeObject>()).tp_flags).is_heap_type() {
            return size_of::<PyTypeObject>();
        }
        let items = items(op, ob_type);
        let bytes = items
            .saturating_mul((*ob_type).tp_itemsize.unsigned_abs())
            .saturating_add((*ob_type).tp_basicsize.unsigned_abs());
        // A dictionary pointer may follow the items, and is aligned.
        bytes
            .checked_next_multiple_of(size_of::<usize>())
            .unwrap_or(bytes)
    }
}

/// The number of items in an instance.
///
/// # Safety
/// `op` is an object of type `ob_type`.
unsafe fn items(op: *mut PyObject, ob_type: *mut PyTypeObject) -> usize {
    /// From 3.12 on, an integer's `ob_size` slot has flags in its lowest bits.
    const NON_SIZE_BITS: u32 = 3;
    // SAFETY: an object whose type has `tp_itemsize` has a word behind its head.
    unsafe {
        if (*ob_type).tp_itemsize <= 0 {
            return 0;
        }
        let flags = TypeFlags((*ob_type).tp_flags);
        let size = (*op.cast::<abi::PyVarObject>()).ob_size;
        if FLAVOUR.has_tagged_integers() && flags.is_integer() {
            size as usize >> NON_SIZE_BITS
        } else if holds::has_no_size(ob_type) {
            MOST_SLOTS
        } else {
            // Up to 3.11 the size of a negative integer is negative.
            size.unsigned_abs()
        }
    }
}

/// The offset of an object's type.
pub(in crate::audit) const TYPE_WORD: usize = offset_of!(PyObject, ob_type);
