//! What CPython's own types, and numpy's, hold without saying so in `tp_traverse`.
//!
//! One file for each family. A field is read where that version keeps it; what is found there counts only if it is an
//! object.

use std::ffi::{CStr, c_int, c_void};

use super::blocks;
use super::builtin::builtin;
use super::types::{Asked, TypeInfo};
use crate::abi::{self, FLAVOUR, PyObject, PyTypeObject, TypeFlags};

mod code;
mod datetime;
mod descriptor;
mod dict;
mod fields;
mod frame;
mod instance;
mod lru_cache;
mod numpy;
mod profiler;
mod set;
mod string_io;
mod structseq;
mod type_object;

pub(super) use fields::{
    has_no_size, is_all_known, is_elsewhere, is_shown_for_instances, least_size,
};
pub(super) use instance::has_inline_values;
pub(super) use type_object::{HEAP_TYPE, has_hidden_fields, qualified_name};

/// Learns from the host what can't be looked up. The host's lock is held.
pub(super) fn learn() {
    dict::learn();
    structseq::learn();
}

/// Takes what an object holds.
pub(super) trait Held {
    /// A container has handed it out.
    fn visited(&mut self, op: *mut PyObject);

    /// It was read from a field of what looks like an object, and may be anything.
    fn read(&mut self, word: *mut PyObject);

    /// Whether that part, which several objects have in common, is met for the first time.
    fn is_first(&mut self, part: usize) -> bool;

    /// Whether that many bytes can be read.
    fn is_readable(&self, address: usize, bytes: usize) -> bool;

    /// Whether the object is part of the program: what it has held from the start is counted nowhere.
    fn is_static(&self, op: *mut PyObject) -> bool;
}

/// Reads an object's fields. One that is not tracked was not asked by `tp_traverse`.
///
/// # Safety
/// The object is of the type that the function is for, or a copy of the memory of one.
pub(super) type Ask = unsafe fn(op: *mut PyObject, is_tracked: bool, held: &mut dyn Held);

/// What is known of a type's instances.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known {
    /// How they are read.
    Ask(Ask),
    /// Which fields hold what `tp_traverse` does not tell, in bytes behind the head.
    Always(&'static [usize]),
    /// The same; and the frame that `tp_traverse` shows may have references that are not counted.
    Framed(frame::Find, &'static [usize]),
    /// The same, while the collector does not track them.
    Untracked(&'static [usize]),
}

/// What is known of types that have a symbol, and of their subclasses.
pub(super) const SYMBOLS: &[(&CStr, Known)] = &[
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

/// Index, start, step and length up to 3.11; then start, step and length.
const LONG_RANGE_ITERATOR: &[usize] = if FLAVOUR.minor <= 11 {
    &[0, 8, 16, 24]
} else {
    &[0, 8, 16]
};
const MD_NAME: usize = if FLAVOUR.minor <= 14 { 32 } else { 24 };
/// On 3.12 and 3.13 the code, which is visited until the frame is done, and held longer.
const GENERATOR: &[usize] = match FLAVOUR.minor {
    12 | 13 => &[56],
    _ => &[],
};
/// Where a coroutine was made, if that is recorded; and the same.
const COROUTINE: &[usize] = match FLAVOUR.minor {
    ..=9 => &[80],
    10 => &[72],
    11 => &[48],
    12 | 13 => &[40, 56],
    _ => &[40],
};
/// From 3.15 on the bytes are an object.
const BYTE_ARRAY: &[usize] = if FLAVOUR.minor <= 14 { &[] } else { &[40] };

/// What is known of a type.
///
/// # Safety
/// `ob_type` is a type.
pub(super) unsafe fn of(mut ob_type: *mut PyTypeObject) -> Option<Known> {
    let symbols = &builtin().known;
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

/// Asks an object for all that it visibly holds.
///
/// # Safety
/// The object has that type. It is tracked only if it is complete.
pub(super) unsafe fn ask<H: Held>(
    op: *mut PyObject,
    info: &TypeInfo,
    is_tracked: bool,
    held: &mut H,
) {
    // SAFETY: a complete container may be asked; a visitor gets back what was passed along.
    unsafe {
        if info.is_dict && dict::is_interned(op, held) {
            return;
        }
        let traverse = (*info.ob_type).tp_traverse.filter(|_| is_tracked);
        let mut rest = Rest {
            held,
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
            rest.uncounted = frame::uncounted(at, rest.held);
        }
        if let Some(traverse) = traverse {
            if rest.words.is_empty() && rest.uncounted.is_empty() {
                traverse(op, Some(visit::<H>), (&raw mut *rest.held).cast());
            } else {
                traverse(op, Some(visit::<Rest<'_, H>>), (&raw mut rest).cast());
            }
        } else if info.asked == Asked::Tuple {
            read_items(op, rest.held);
        }
        let Rest { held, words, .. } = rest;
        words.into_iter().for_each(|word| held.read(word));
        match info.also {
            Some(Known::Ask(ask)) => ask(op, is_tracked, held),
            Some(Known::Untracked(places)) if !is_tracked => {
                places.iter().for_each(|&place| held.read(field(op, place)));
            }
            _ => {}
        }
    }
}

/// Passes on what is visited, and forgets it among the words of an object that have yet to be read: later patches of
/// a version visit more. What is visited and not counted is not passed on: another object or variable holds it.
struct Rest<'a, H: Held> {
    held: &'a mut H,
    words: Vec<*mut PyObject>,
    uncounted: Vec<*mut PyObject>,
}

impl<H: Held> Held for Rest<'_, H> {
    fn visited(&mut self, op: *mut PyObject) {
        if let Some(at) = self.uncounted.iter().position(|&other| other == op) {
            self.uncounted.swap_remove(at);
            return;
        }
        if let Some(at) = self.words.iter().position(|&word| word == op) {
            self.words.swap_remove(at);
        }
        self.held.visited(op);
    }
    fn read(&mut self, word: *mut PyObject) {
        self.held.read(word);
    }
    fn is_first(&mut self, part: usize) -> bool {
        self.held.is_first(part)
    }
    fn is_readable(&self, address: usize, bytes: usize) -> bool {
        self.held.is_readable(address, bytes)
    }
    fn is_static(&self, op: *mut PyObject) -> bool {
        self.held.is_static(op)
    }
}

/// What `tp_traverse` calls.
pub(super) unsafe extern "C" fn visit<H: Held>(op: *mut PyObject, held: *mut c_void) -> c_int {
    // SAFETY: `ask` passed it along, and keeps it borrowed.
    unsafe { (*held.cast::<H>()).visited(op) };
    0
}

/// # Safety
/// `op` is an exact tuple, or a copy of one.
unsafe fn read_items(op: *mut PyObject, held: &mut impl Held) {
    // SAFETY: the caller's promise; whether the items are there is asked first.
    unsafe {
        if FLAVOUR.minor == 11 && held.is_static(op) {
            // Constants of frozen modules; later versions count nothing of what these hold.
            return;
        }
        let size = (*op.cast::<abi::PyVarObject>()).ob_size.unsigned_abs();
        // The size of a tuple without items: from 3.14 on there is a hash in front of them.
        let first = op as usize + (*abi::type_of(op)).tp_basicsize.unsigned_abs();
        let Some(bytes) = size.checked_mul(size_of::<usize>()) else {
            return;
        };
        // What looks like a tuple and is longer than its block is none.
        let front = abi::presize(op);
        let room = blocks::room(op as usize - front);
        if room.is_some_and(|room| first - op as usize + front > room.saturating_sub(bytes)) {
            return;
        }
        if held.is_readable(first, bytes) {
            for at in 0..size {
                held.read(*(first as *const *mut PyObject).add(at));
            }
        }
    }
}

/// The flags of a type.
///
/// # Safety
/// `ob_type` is a type.
unsafe fn flags(ob_type: *mut PyTypeObject) -> TypeFlags {
    // SAFETY: the caller's promise.
    TypeFlags(unsafe { (*ob_type).tp_flags })
}

/// The word at so many bytes behind the head of an object.
///
/// # Safety
/// The object has it.
unsafe fn field(op: *mut PyObject, behind_head: usize) -> *mut PyObject {
    // SAFETY: the caller's promise.
    unsafe { *op.byte_add(size_of::<PyObject>() + behind_head).cast() }
}
