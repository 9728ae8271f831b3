//! What an object looks like in memory, per flavour.
//!
//! Uses nothing of this crate. Holds no behaviour beyond reading a field. The cfgs below pick
//! aliases; every layout is always compiled.

use std::ffi::CStr;

mod biased;
mod counted;
mod flagged;
mod flavour;
mod gc_head;
#[cfg(test)]
mod header_test;
mod linked;
mod slots;
mod type_flags;
mod type_object;

pub use biased::{BiasedCount, BiasedObject};
pub use counted::{Counted, PlainObject};
pub use flagged::{FlaggedCount, FlaggedObject};
pub use flavour::Flavour;
pub use gc_head::PyGC_Head;
pub use linked::LinkedObject;
pub use slots::*;
pub use type_flags::TypeFlags;
pub use type_object::PyTypeObject;

/// CPython's signed size: as wide as a pointer.
pub type Py_ssize_t = isize;

/// Every object starts with this: a count and a type.
#[cfg(all(not(Py_3_13), py_sys_config = "Py_TRACE_REFS"))]
pub type PyObject = LinkedObject;

/// Every object starts with this: a count and a type.
#[cfg(all(
    not(Py_3_14),
    not(Py_GIL_DISABLED),
    any(Py_3_13, not(py_sys_config = "Py_TRACE_REFS"))
))]
pub type PyObject = PlainObject;

/// Every object starts with this: a count and a type.
#[cfg(all(Py_3_14, not(Py_GIL_DISABLED)))]
pub type PyObject = FlaggedObject;

/// Every object starts with this: a count and a type.
#[cfg(Py_GIL_DISABLED)]
pub type PyObject = BiasedObject;

/// An object with a number of items, which need not be a number of bytes.
#[repr(C)]
#[derive(Debug)]
pub struct PyVarObject {
    /// What every object starts with.
    pub ob_base: PyObject,
    /// Number of items in the variable part.
    pub ob_size: Py_ssize_t,
}

/// The flavour this library was built for.
pub const FLAVOUR: Flavour = Flavour {
    name: env!("PYREFCORE_FLAVOUR"),
    minor: 8
        + cfg!(Py_3_9) as u8
        + cfg!(Py_3_10) as u8
        + cfg!(Py_3_11) as u8
        + cfg!(Py_3_12) as u8
        + cfg!(Py_3_13) as u8
        + cfg!(Py_3_14) as u8
        + cfg!(Py_3_15) as u8,
    ref_debug: cfg!(py_sys_config = "Py_REF_DEBUG"),
    trace_refs: cfg!(py_sys_config = "Py_TRACE_REFS"),
    free_threaded: cfg!(Py_GIL_DISABLED),
};

/// The name of the flavour, for C.
pub const FLAVOUR_NAME: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("PYREFCORE_FLAVOUR"), "\0").as_bytes()) {
        Ok(name) => name,
        Err(_) => panic!("a flavour's name has no NUL"),
    };

/// Where the parts of an object lie, whatever its layout.
pub trait Head: Sized {
    /// The part that a counting policy works on.
    type Count;

    /// The count of `op`.
    ///
    /// # Safety
    /// `op` points to an object, or to memory that is about to become one.
    unsafe fn count(op: *mut Self) -> *mut Self::Count;

    /// The address of the count of an object at `op`, which need not be readable.
    fn count_address(op: *mut Self) -> usize;

    /// The type of `op`.
    ///
    /// # Safety
    /// `op` points to an object whose type has been set.
    unsafe fn ob_type(op: *mut Self) -> *mut PyTypeObject;
}

/// The type of `op`: CPython's `Py_TYPE`.
///
/// # Safety
/// `op` points to an object whose type has been set.
#[inline]
pub unsafe fn type_of(op: *mut PyObject) -> *mut PyTypeObject {
    // SAFETY: the caller's promise is the callee's.
    unsafe { PyObject::ob_type(op) }
}

/// The flags of `op`'s type.
///
/// # Safety
/// `op` points to an object whose type has been set.
#[inline]
pub unsafe fn flags_of(op: *mut PyObject) -> TypeFlags {
    // SAFETY: an object's type stays readable as long as the object lives.
    TypeFlags(unsafe { (*type_of(op)).tp_flags })
}

/// Bytes in front of `op` that belong to its memory block: 0, 16 or 32 on 64-bit systems.
///
/// # Safety
/// `op` points to an object whose type has been set.
#[inline]
pub unsafe fn presize(op: *mut PyObject) -> usize {
    // SAFETY: the caller's promise is the callee's.
    unsafe { flags_of(op) }.presize(FLAVOUR)
}
