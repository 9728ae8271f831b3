//! The references that objects of CPython's own types, and of numpy's, hold and do not visit in `tp_traverse`.
//!
//! Each family of types has its file. A field is read at its place in this version of CPython. Its word counts as a
//! reference only if it leads to an object.

use std::ffi::{CStr, c_int, c_void};
use std::sync::OnceLock;

use crate::abi::{self, FLAVOUR, PyObject, PyTypeObject, TypeFlags};
use crate::audit::heap::blocks;
use crate::audit::heap::host_hooks::host_hooks;

mod code;
mod datetime;
mod descriptor;
mod dict;
mod fields;
mod frame;
mod instance;
mod integer;
mod lru_cache;
mod numpy;
mod profiler;
mod set;
mod string_io;
mod structseq;
mod type_info;
mod type_object;

pub(in crate::audit) use fields::{
    has_no_size, is_all_known, is_elsewhere, is_shown_for_instances, least_size,
};
pub(in crate::audit) use instance::has_inline_values;
pub(in crate::audit) use type_info::{Asked, TypeInfo};
pub(in crate::audit) use type_object::{HEAP_TYPE, has_hidden_fields, qualified_name};

/// Whether a block holds no object, and CPython keeps it for the next dictionary or integer.
///
/// # Safety
/// `start` is a multiple of 8. So many bytes can be read from it.
pub(in crate::audit) unsafe fn is_parked(start: usize, bytes: usize) -> bool {
    // SAFETY: the caller's promise is that of both callees.
    unsafe { dict::is_parked(start, bytes) || integer::is_parked(start, bytes) }
}

/// The addresses of the types in [`SYMBOLS`], in the same order. Empty without a host.
static KNOWN: OnceLock<Vec<usize>> = OnceLock::new();

/// Learns from the host the types, and the facts that have no symbol.
///
/// # Safety
/// The host's lock is held.
pub(in crate::audit) unsafe fn learn() {
    if let Some(hooks) = host_hooks() {
        KNOWN.get_or_init(|| {
            let names = SYMBOLS.iter().map(|(name, _)| name);
            names.map(|name| (hooks.symbol)(name) as usize).collect()
        });
    }
    // SAFETY: the host's lock is held, as the callees ask.
    unsafe {
        dict::learn();
        structseq::learn();
    }
}

/// Receives the references that an object holds.
pub(in crate::audit) trait Visitor {
    /// A `tp_traverse` has visited `op`.
    fn visited(&mut self, op: *mut PyObject);

    /// The word was read from a field of an apparent object, and may have any value.
    fn read(&mut self, word: *mut PyObject);

    /// Whether a part that several objects share is met for the first time.
    fn is_first(&mut self, part: usize) -> bool;

    /// Whether `bytes` bytes from `address` on can be read.
    fn is_readable(&self, address: usize, bytes: usize) -> bool;

    /// Whether the object is part of the program. No references are counted for what such an object holds from the
    /// start.
    fn is_static(&self, op: *mut PyObject) -> bool;
}

/// Reads an object's fields. If `is_tracked` is false, `tp_traverse` was not called.
///
/// # Safety
/// `op` has the size of an object of the function's type. It is such an object, or a copy of its bytes.
pub(in crate::audit) type Ask =
    unsafe fn(op: *mut PyObject, is_tracked: bool, visitor: &mut dyn Visitor);

/// What the audit knows about a type's instances.
#[derive(Clone, Copy, Debug)]
pub(in crate::audit) enum Known {
    /// A function reads them.
    Ask(Ask),
    /// The fields at these places hold references that `tp_traverse` does not visit. Places are bytes behind the head.
    Always(&'static [usize]),
    /// As `Always`. Also, the frame that `tp_traverse` visits may have words whose references are not counted.
    Framed(frame::Find, &'static [usize]),
    /// As `Always`, but only while the collector does not track the instance.
    Untracked(&'static [usize]),
}

/// Types that have a symbol. Their subclasses are read in the same way.
pub(in crate::audit) const SYMBOLS: &[(&CStr, Known)] = &[
    (c"PyMethodDescr_Type", Known::Ask(descriptor::ask)),
    (c"PyClassMethodDescr_Type", Known::Ask(descriptor::ask)),
    (c"PyMemberDescr_Type", Known::Ask(descriptor::ask)),
    (c"PyGetSetDescr_Type", Known::Ask(descriptor::ask)),
    (c"PyWrapperDescr_Type", Known::Ask(descriptor::ask)),
    (c"PyDict_Type", Known::Ask(dict::ask)),
    (c"PyType_Type", Known::Ask(type_object::ask)),
    (c"PyCode_Type", Known::Ask(code::ask)),
    (c"PyFrozenSet_Type", Known::Ask(set::ask)),
    (c"PyRange_Type", Known::Always(&[0, 8, 16, 24])),
    (c"PyLongRangeIter_Type", Known::Always(LONG_RANGE_ITERATOR)),
    (c"PyModule_Type", Known::Always(&[MD_NAME])),
    (c"PyContextVar_Type", Known::Untracked(&[0, 8])),
    (c"PyGen_Type", Known::Framed(frame::in_generator, GENERATOR)),
    (
        c"PyAsyncGen_Type",
        Known::Framed(frame::in_generator, GENERATOR),
    ),
    (
        c"PyCoro_Type",
        Known::Framed(frame::in_generator, COROUTINE),
    ),
    (c"PyFrame_Type", Known::Framed(frame::in_frame_object, &[])),
    (c"PyByteArray_Type", Known::Always(BYTE_ARRAY)),
];

/// Up to 3.11: index, start, step and length. Later: start, step and length.
const LONG_RANGE_ITERATOR: &[usize] = match FLAVOUR.minor {
    ..=11 => &[0, 8, 16, 24],
    _ => &[0, 8, 16],
};
const MD_NAME: usize = match FLAVOUR.minor {
    ..=14 => 32,
    _ => 24,
};
/// On 3.12 and 3.13: the code object. It is visited until the frame is done, but held longer.
const GENERATOR: &[usize] = match FLAVOUR.minor {
    12 | 13 => &[56],
    _ => &[],
};
/// `cr_origin`, and the fields of a generator.
const COROUTINE: &[usize] = match FLAVOUR.minor {
    ..=9 => &[80],
    10 => &[72],
    11 => &[48],
    12 | 13 => &[40, 56],
    _ => &[40],
};
/// From 3.15 on, an object holds the bytes.
const BYTE_ARRAY: &[usize] = match FLAVOUR.minor {
    ..=14 => &[],
    _ => &[40],
};

/// What the audit knows about a type's instances; `None` if nothing.
///
/// # Safety
/// `ob_type` is a type.
pub(in crate::audit) unsafe fn of(mut ob_type: *mut PyTypeObject) -> Option<Known> {
    let symbols = KNOWN.get().map_or(&[][..], |known| known);
    while !ob_type.is_null() {
        if let Some(at) = symbols
            .iter()
            .position(|&symbol| symbol == ob_type as usize)
        {
            return Some(SYMBOLS[at].1);
        }
        // SAFETY: a base of a type is a type.
        unsafe {
            if structseq::is_one(ob_type) {
                return Some(Known::Ask(structseq::ask));
            }
            if let Some(known) = fields::by_name(ob_type) {
                return Some(known);
            }
            ob_type = (*ob_type).tp_base;
        }
    }
    None
}

/// Reports all references that an object visibly holds.
///
/// # Safety
/// `op` has the type of `info`, and is complete if it is tracked.
pub(in crate::audit) unsafe fn ask<H: Visitor>(
    op: *mut PyObject,
    info: &TypeInfo,
    is_tracked: bool,
    visitor: &mut H,
) {
    // SAFETY: `op` has the type, so its fields can be read. `tp_traverse` is called only for a complete object. The
    // visitor gets back the pointer that it expects.
    unsafe {
        if info.is_dict && dict::is_interned(op, visitor) {
            return;
        }
        let traverse = (*info.ob_type).tp_traverse.filter(|_| is_tracked);
        let mut rest = Rest {
            visitor,
            words: Vec::new(),
            uncounted: Vec::new(),
        };
        if let Some(Known::Always(places) | Known::Framed(_, places)) = info.also {
            rest.words
                .extend(places.iter().map(|&place| field(op, place)));
        }
        if info.has_inline_values && is_tracked {
            rest.words.extend(instance::dictionary(op));
        }
        if let (Some(Known::Framed(find, _)), Some(_)) = (info.also, traverse)
            && let Some(at) = find(op)
        {
            rest.uncounted = frame::uncounted(at, rest.visitor);
        }
        if let Some(traverse) = traverse {
            if rest.words.is_empty() && rest.uncounted.is_empty() {
                traverse(op, Some(visit::<H>), (&raw mut *rest.visitor).cast());
            } else {
                traverse(op, Some(visit::<Rest<'_, H>>), (&raw mut rest).cast());
            }
        } else if info.asked == Asked::Tuple {
            read_items(op, rest.visitor);
        }
        let Rest { visitor, words, .. } = rest;
        words.into_iter().for_each(|word| visitor.read(word));
        match info.also {
            Some(Known::Ask(ask)) => ask(op, is_tracked, visitor),
            Some(Known::Untracked(places)) if !is_tracked => {
                places
                    .iter()
                    .for_each(|&place| visitor.read(field(op, place)));
            }
            _ => {}
        }
    }
}

/// Passes visited references on. A visited object is removed from the words that are still to be read: later patches of
/// a version visit more fields. A visited reference that is not counted is not passed on: another object or variable
/// holds it.
struct Rest<'a, H: Visitor> {
    visitor: &'a mut H,
    words: Vec<*mut PyObject>,
    uncounted: Vec<*mut PyObject>,
}

impl<H: Visitor> Visitor for Rest<'_, H> {
    fn visited(&mut self, op: *mut PyObject) {
        if let Some(at) = self.uncounted.iter().position(|&other| other == op) {
            self.uncounted.swap_remove(at);
            return;
        }
        if let Some(at) = self.words.iter().position(|&word| word == op) {
            self.words.swap_remove(at);
        }
        self.visitor.visited(op);
    }
    fn read(&mut self, word: *mut PyObject) {
        self.visitor.read(word);
    }
    fn is_first(&mut self, part: usize) -> bool {
        self.visitor.is_first(part)
    }
    fn is_readable(&self, address: usize, bytes: usize) -> bool {
        self.visitor.is_readable(address, bytes)
    }
    fn is_static(&self, op: *mut PyObject) -> bool {
        self.visitor.is_static(op)
    }
}

/// The visitor that `tp_traverse` calls.
pub(in crate::audit) unsafe extern "C" fn visit<H: Visitor>(
    op: *mut PyObject,
    visitor: *mut c_void,
) -> c_int {
    // SAFETY: the caller of `tp_traverse` passed a pointer to an `H`, which it does not use meanwhile.
    unsafe { (*visitor.cast::<H>()).visited(op) };
    0
}

/// Reads the items of a tuple.
///
/// # Safety
/// `op` is an exact tuple, or a copy of its bytes.
unsafe fn read_items(op: *mut PyObject, visitor: &mut impl Visitor) {
    // SAFETY: `op` has a tuple's fields. `is_readable` is asked before the items are read.
    unsafe {
        if FLAVOUR.has_uncounted_constants() && visitor.is_static(op) {
            // On 3.11 these are constants of frozen modules, whose references are not counted. Later versions count
            // none of them.
            return;
        }
        let size = (*op.cast::<abi::PyVarObject>()).ob_size.unsigned_abs();
        // `tp_basicsize` is the offset of the items. From 3.14 on a hash lies in front of them.
        let first = op as usize + (*abi::type_of(op)).tp_basicsize.unsigned_abs();
        let Some(bytes) = size.checked_mul(size_of::<usize>()) else {
            return;
        };
        // A false tuple may have a size beyond its block.
        let front = abi::presize(op);
        let room = blocks::room(op as usize - front);
        if room.is_some_and(|room| first - op as usize + front > room.saturating_sub(bytes)) {
            return;
        }
        if visitor.is_readable(first, bytes) {
            for at in 0..size {
                visitor.read(*(first as *const *mut PyObject).add(at));
            }
        }
    }
}

/// The flags of a type.
///
/// # Safety
/// `ob_type` is a type.
unsafe fn flags(ob_type: *mut PyTypeObject) -> TypeFlags {
    // SAFETY: `ob_type` is a type.
    TypeFlags(unsafe { (*ob_type).tp_flags })
}

/// The word at `behind_head` bytes behind an object's head.
///
/// # Safety
/// The object has a word there.
unsafe fn field(op: *mut PyObject, behind_head: usize) -> *mut PyObject {
    // SAFETY: the object has a word there, as the caller promises.
    unsafe { *op.byte_add(size_of::<PyObject>() + behind_head).cast() }
}
