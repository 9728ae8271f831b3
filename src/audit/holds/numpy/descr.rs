//! numpy's dtypes: the places of the objects in an item.

use super::super::{Visitor, dict, field, flags};
use crate::abi::{self, FLAVOUR, PyObject, PyTypeObject};
use crate::audit::heap::builtin::builtin;

/// `NPY_ITEM_REFCOUNT` and `NPY_OBJECT`.
const ITEM_REFCOUNT: usize = 1;
const OBJECT: i32 = 17;

/// numpy allows no more dimensions, and real dtypes are not nested deeper.
const MOST_DIMENSIONS: usize = 64;
const DEEPEST: usize = 32;

/// The fields of a dtype that numpy itself defines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descr {
    pub(super) typeobj: *mut PyObject,
    type_num: i32,
    flags: usize,
    /// Bytes of an item.
    pub(super) size: usize,
    subarray: usize,
    pub(super) fields: *mut PyObject,
    pub(super) names: *mut PyObject,
    pub(super) metadata: *mut PyObject,
}

impl Descr {
    /// The dtype at an address. The size of its type tells the layouts of 1.x and 2.x apart. `None` if another package
    /// has defined the dtype with additional fields.
    ///
    /// # Safety
    /// Memory that `visitor` calls readable can be read.
    pub(super) unsafe fn at(op: *mut PyObject, visitor: &dyn Visitor) -> Option<Self> {
        // SAFETY: `type_at` has checked the head and the type. `is_readable` is asked before the other fields are read.
        unsafe {
            let ob_type = type_at(op, visitor)?;
            let size = (*ob_type).tp_basicsize.unsigned_abs();
            if !visitor.is_readable(op as usize, size) {
                return None;
            }
            let word = |at: usize| field(op, at);
            let number = |at: usize| word(at) as usize & 0xFFFF_FFFF;
            let typeobj = word(0);
            let type_num = number(12) as i32;
            match size - size_of::<PyObject>() {
                80 => Some(Self {
                    typeobj,
                    type_num,
                    flags: number(8) >> 24,
                    size: number(16),
                    subarray: word(24) as usize,
                    fields: word(32),
                    names: word(40),
                    metadata: word(56),
                }),
                104 => Some(Self {
                    typeobj,
                    type_num,
                    flags: word(16) as usize,
                    size: word(24) as usize,
                    metadata: word(40),
                    subarray: word(72) as usize,
                    fields: word(80),
                    names: word(88),
                }),
                _ => None,
            }
        }
    }

    pub(super) fn has_objects(&self) -> bool {
        self.flags & ITEM_REFCOUNT != 0 && self.size != 0
    }

    /// The places of the object pointers in an item. Each place occurs once, although a field with a title is listed
    /// twice.
    ///
    /// # Safety
    /// Memory that `visitor` calls readable can be read.
    pub(super) unsafe fn places(self, visitor: &mut dyn Visitor, depth: usize) -> Vec<usize> {
        if !self.has_objects() || depth == DEEPEST {
            return Vec::new();
        }
        if self.type_num == OBJECT {
            return vec![0];
        }
        let mut places = Vec::new();
        // SAFETY: the caller's promise is the callees'.
        unsafe {
            if let Some([base, _]) = self.subarray(visitor) {
                if let Some(base) = Self::at(base, visitor).filter(Self::has_objects) {
                    let inner = base.places(visitor, depth + 1);
                    for start in (0..self.size).step_by(base.size) {
                        places.extend(inner.iter().map(|place| start + place));
                    }
                }
            } else {
                for [_, value] in dict::entries(self.fields, visitor) {
                    if let Some((inner, start)) = field_of(value, visitor) {
                        let inner = inner.places(visitor, depth + 1);
                        places.extend(inner.iter().map(|place| start.saturating_add(*place)));
                    }
                }
            }
        }
        places.retain(|place| {
            place
                .checked_add(size_of::<usize>())
                .is_some_and(|end| end <= self.size)
        });
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The dtype of a subarray's items, and its shape.
    ///
    /// # Safety
    /// Memory that `visitor` calls readable can be read.
    pub(super) unsafe fn subarray(&self, visitor: &dyn Visitor) -> Option<[*mut PyObject; 2]> {
        // SAFETY: readable memory can be read, as the caller promises, and the words are copied at once.
        unsafe { words(self.subarray, 2, visitor).map(|both| [both[0] as _, both[1] as _]) }
    }
}

/// The dtype and the offset of a field, from a tuple of both. The tuple may also have a title.
///
/// # Safety
/// Memory that `visitor` calls readable can be read.
unsafe fn field_of(tuple: *mut PyObject, visitor: &dyn Visitor) -> Option<(Descr, usize)> {
    // SAFETY: each part is checked before it is read.
    unsafe {
        let ob_type = type_at(tuple, visitor)?;
        if ob_type as usize != builtin().PyTuple_Type {
            return None;
        }
        let first = tuple as usize + (*ob_type).tp_basicsize.unsigned_abs();
        let items = words(first, 2, visitor)?;
        let offset = number_at(items[1] as *mut PyObject, visitor)?;
        Some((Descr::at(items[0] as *mut PyObject, visitor)?, offset))
    }
}

/// The value of a Python integer of at most two digits; `None` if it is negative or larger.
///
/// # Safety
/// Memory that `visitor` calls readable can be read.
unsafe fn number_at(op: *mut PyObject, visitor: &dyn Visitor) -> Option<usize> {
    // SAFETY: `is_readable` is asked first. Behind an integer's head lie its length and its 30-bit digits, in 32 bits
    // each.
    unsafe {
        let ob_type = type_at(op, visitor)?;
        if !flags(ob_type).is_integer()
            || !visitor.is_readable(op as usize, size_of::<PyObject>() + 16)
        {
            return None;
        }
        let (length, digits) = (field(op, 0) as usize, field(op, 8) as usize);
        let length = match FLAVOUR.has_tagged_integers() {
            false => length,
            true if length & 3 == 2 => return None,
            true => length >> 3,
        };
        match length {
            0 => Some(0),
            1 => Some(digits & 0xFFFF_FFFF),
            2 => Some(digits & 0xFFFF_FFFF | digits >> 32 << 30),
            _ => None,
        }
    }
}

/// The type of an apparent object.
///
/// # Safety
/// Memory that `visitor` calls readable can be read.
pub(super) unsafe fn type_at(
    op: *mut PyObject,
    visitor: &dyn Visitor,
) -> Option<*mut PyTypeObject> {
    if !op.cast::<u64>().is_aligned() || !visitor.is_readable(op as usize, size_of::<PyObject>()) {
        return None;
    }
    // SAFETY: an object's head can be read at `op`.
    let ob_type = unsafe { abi::type_of(op) };
    let is_there = ob_type.is_aligned()
        && visitor.is_readable(ob_type as usize, size_of::<PyTypeObject>())
        // SAFETY: the memory of a whole type can be read there.
        && unsafe { (*ob_type).tp_basicsize } >= size_of::<PyObject>() as isize;
    is_there.then_some(ob_type)
}

/// `count` words at an address, if they can be read.
///
/// # Safety
/// Memory that `visitor` calls readable can be read, and does not change as long as the slice lives.
pub(super) unsafe fn words<'a>(
    address: usize,
    count: usize,
    visitor: &dyn Visitor,
) -> Option<&'a [usize]> {
    let is_there = count <= MOST_DIMENSIONS
        && address.is_multiple_of(size_of::<usize>())
        && (count == 0 || address != 0 && visitor.is_readable(address, count * size_of::<usize>()));
    let address = if count == 0 {
        size_of::<usize>()
    } else {
        address
    };
    // SAFETY: the address is aligned, and `count` words can be read there; or `count` is 0.
    is_there.then(|| unsafe { std::slice::from_raw_parts(address as *const usize, count) })
}
