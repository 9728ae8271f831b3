//! numpy's arrays and related objects. None of their types has a `tp_traverse`.
//!
//! The layout is that of numpy's public headers, 1.17 to 2.x. An array that owns its data holds the objects in it. A
//! view holds its base.

use std::ffi::CStr;

use super::{Known, Visitor, field, flags};
use crate::abi::{self, PyObject, PyTypeObject};

mod descr;

use descr::{Descr, type_at, words};

const FLAT_ITERATOR: &CStr = c"numpy.flatiter";

const NAMES: &[(&CStr, Known)] = &[
    (c"numpy.ndarray", Known::Ask(ask_array)),
    (c"numpy.dtype", Known::Ask(ask_descr)),
    (c"numpy.void", Known::Ask(ask_void)),
    (c"numpy.broadcast", Known::Ask(ask_broadcast)),
    // The array of the iterator. In front of it lie five tables of 32 words.
    (FLAT_ITERATOR, Known::Always(&[24 + 5 * 32 * 8])),
];

/// Places in `PyArrayObject_fields`, in bytes behind the head.
const DATA: usize = 0;
const ND: usize = 8;
const DIMENSIONS: usize = 16;
const STRIDES: usize = 24;
const BASE: usize = 32;
const DESCR: usize = 40;
const FLAGS: usize = 48;
/// Exists from 1.22 on.
const MEM_HANDLER: usize = 72;

/// Places in `PyVoidScalarObject`.
const VOID_DATA: usize = 8;
const VOID_DESCR: usize = 16;
const VOID_FLAGS: usize = 24;
const VOID_BASE: usize = 32;

/// Places in `PyArrayMultiIterObject`.
const ITERATORS: usize = 0;
const FIRST_ITERATOR: usize = 288;

/// `NPY_ARRAY_OWNDATA`.
const OWNDATA: usize = 4;

/// What the audit knows about instances of one of numpy's types, by the type's name.
///
/// # Safety
/// `ob_type` is a type.
pub(super) unsafe fn by_name(ob_type: *mut PyTypeObject, name: &CStr) -> Option<Known> {
    let (_, known) = NAMES.iter().find(|(known, _)| *known == name)?;
    // SAFETY: `ob_type` is a type.
    unsafe { is_numpys(ob_type) }.then_some(*known)
}

/// Whether a type lies in the data of numpy's own library. Another library may have a type with the same name.
///
/// # Safety
/// `ob_type` is a type.
unsafe fn is_numpys(ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: zeroes are a valid `Dl_info`, and `dladdr` accepts any address. A name that it sets is a string.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        libc::dladdr(ob_type.cast(), &raw mut info) != 0
            && !info.dli_fname.is_null()
            && CStr::from_ptr(info.dli_fname)
                .to_bytes()
                .rsplit(|&byte| byte == b'/')
                .next()
                .is_some_and(|file| file.starts_with(b"_multiarray_umath"))
    }
}

unsafe fn ask_array(op: *mut PyObject, _is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has the size of an array. `is_readable` is asked before other memory is read.
    unsafe {
        visitor.read(field(op, BASE));
        visitor.read(field(op, DESCR));
        if own_size(op) >= MEM_HANDLER + size_of::<usize>() {
            visitor.read(field(op, MEM_HANDLER));
        }
        if field(op, FLAGS) as usize & OWNDATA == 0 {
            return;
        }
        let Some(descr) = Descr::at(field(op, DESCR), visitor).filter(Descr::has_objects) else {
            return;
        };
        let nd = field(op, ND) as usize & 0xFFFF_FFFF;
        let (Some(dimensions), Some(strides)) = (
            words(field(op, DIMENSIONS) as usize, nd, visitor),
            words(field(op, STRIDES) as usize, nd, visitor),
        ) else {
            return;
        };
        let data = field(op, DATA) as usize;
        let Some(items) = Items::new(data, descr.size, dimensions, strides, visitor) else {
            return;
        };
        let places = descr.places(visitor, 0);
        items.each(|item| {
            places.iter().for_each(|place| {
                visitor.read(((item + place) as *const *mut PyObject).read_unaligned());
            });
        });
    }
}

unsafe fn ask_void(op: *mut PyObject, _is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has the size of a structured scalar. `is_readable` is asked before other memory is read.
    unsafe {
        visitor.read(field(op, VOID_BASE));
        visitor.read(field(op, VOID_DESCR));
        if field(op, VOID_FLAGS) as usize & OWNDATA == 0 {
            return;
        }
        let data = field(op, VOID_DATA) as usize;
        let descr = Descr::at(field(op, VOID_DESCR), visitor).filter(Descr::has_objects);
        if let Some(descr) = descr.filter(|descr| visitor.is_readable(data, descr.size)) {
            for place in descr.places(visitor, 0) {
                visitor.read(((data + place) as *const *mut PyObject).read_unaligned());
            }
        }
    }
}

unsafe fn ask_broadcast(op: *mut PyObject, _is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has the size of its type, and the loop stays inside.
    unsafe {
        let count = field(op, ITERATORS) as usize & 0xFFFF_FFFF;
        let room = own_size(op).saturating_sub(FIRST_ITERATOR) / size_of::<usize>();
        for at in 0..count.min(room) {
            let iterator = field(op, FIRST_ITERATOR + 8 * at);
            // Up to 1.26 the iterators do not lie in blocks of the object domain. Only this object leads to them.
            if type_at(iterator, visitor).is_some_and(|ob_type| is_iterator(ob_type, visitor)) {
                visitor.visited(iterator);
            }
        }
    }
}

/// Whether a type is numpy's `flatiter`.
///
/// # Safety
/// The memory of a whole type can be read at `ob_type`.
unsafe fn is_iterator(ob_type: *mut PyTypeObject, visitor: &dyn Visitor) -> bool {
    // SAFETY: a whole type's memory can be read. The type lies in numpy's data, so its name is a string that ends with
    // a zero byte.
    unsafe {
        visitor.is_static(ob_type.cast())
            && is_numpys(ob_type)
            && visitor.is_readable((*ob_type).tp_name as usize, FLAT_ITERATOR.count_bytes() + 1)
            && CStr::from_ptr((*ob_type).tp_name) == FLAT_ITERATOR
    }
}

unsafe fn ask_descr(op: *mut PyObject, _is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has the size of a dtype. `is_readable` is asked before other memory is read.
    unsafe {
        if visitor.is_static(op) {
            // numpy's static dtypes hold no counted references.
            return;
        }
        let Some(descr) = Descr::at(op, visitor) else {
            return;
        };
        for held_by in [descr.typeobj, descr.metadata, descr.fields, descr.names] {
            visitor.read(held_by);
        }
        if let Some([base, shape]) = descr.subarray(visitor) {
            visitor.read(base);
            visitor.read(shape);
        }
    }
}

/// Bytes behind the head of an instance, without the fields that Python subclasses add.
///
/// # Safety
/// `op` has the type of an instance of one of numpy's types.
unsafe fn own_size(op: *mut PyObject) -> usize {
    // SAFETY: a base of a type is a type. numpy's own types are static and larger than a head.
    unsafe {
        let mut ob_type = abi::type_of(op);
        while flags(ob_type).is_heap_type() && !(*ob_type).tp_base.is_null() {
            ob_type = (*ob_type).tp_base;
        }
        (*ob_type).tp_basicsize.unsigned_abs() - size_of::<PyObject>()
    }
}

/// The items of an array.
#[derive(Clone, Copy, Debug)]
struct Items<'a> {
    data: usize,
    dimensions: &'a [usize],
    strides: &'a [usize],
}

impl<'a> Items<'a> {
    /// `None` if there are no items, if some can't be read, or if some overlap. The items of an array that owns its
    /// data never overlap.
    fn new(
        data: usize,
        size: usize,
        dimensions: &'a [usize],
        strides: &'a [usize],
        visitor: &dyn Visitor,
    ) -> Option<Self> {
        let (mut low, mut high, mut count) = (0_isize, 0_isize, 1_usize);
        for (&dimension, &stride) in dimensions.iter().zip(strides) {
            count = count.checked_mul(dimension)?;
            let last = isize::try_from(dimension).ok()?.checked_sub(1)?;
            let reach = last.checked_mul(stride as isize)?;
            let end = if reach < 0 { &mut low } else { &mut high };
            *end = end.checked_add(reach)?;
        }
        let bytes = high.checked_sub(low)?.unsigned_abs().checked_add(size)?;
        let is_whole = count != 0
            && count.checked_mul(size)? <= bytes
            && visitor.is_readable(data.wrapping_add_signed(low), bytes);
        is_whole.then_some(Self {
            data,
            dimensions,
            strides,
        })
    }

    /// Calls `found` with the address of each item.
    fn each(self, mut found: impl FnMut(usize)) {
        self.along(0, self.data, &mut found);
    }

    fn along(self, axis: usize, mut at: usize, found: &mut dyn FnMut(usize)) {
        let Some(&dimension) = self.dimensions.get(axis) else {
            found(at);
            return;
        };
        for _ in 0..dimension {
            self.along(axis + 1, at, found);
            at = at.wrapping_add(self.strides[axis]);
        }
    }
}
