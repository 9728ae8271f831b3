//! What an object looks like in memory, per flavour.
//!
//! Uses nothing of this crate. Holds no behaviour beyond reading a field. The cfgs below pick
//! aliases; every layout is always compiled.
//!
//! # The terms of `# Safety` sections
//!
//! "`op` is an object" means all of this, for the whole call:
//! - `op` is aligned and points to readable and writable memory that holds this flavour's [`PyObject`].
//! - `ob_type` points to a type: a [`PyTypeObject`] that stays readable as long as `op` lives. Its slots may be called
//!   with `op`. Its `tp_dealloc` is not NULL, unless its instances never die.
//! - The memory block of `op` also holds the [`presize`] bytes in front of `op`.
//! - A birth or a static initialiser wrote the count of `op`, and only counting functions changed it since. It is above
//!   zero, or `op` is immortal.
//! - No other thread ends `op`: the caller owns a reference, or has borrowed one that stays, or no other thread runs.
//!   Under a global lock, no other thread uses `op` at all. In a free-threaded flavour, other threads may count it.
//! - The calling thread may use objects: in a host, it holds the host's lock. So no other thread sets a tracer.
//! - With `Py_TRACE_REFS`, `op` stays where it is until it leaves the list of all objects.
//!
//! "An object with items" is an object that starts with a [`PyVarObject`].
//!
//! "A container" is an object whose type has `Py_TPFLAGS_HAVE_GC` and whose `tp_is_gc` is NULL or does not return 0.
//!
//! "A dying object" has a count of zero and meets every other condition. Only the thread that ends it uses it. A
//! function that takes an object takes a dying one too, unless it releases a reference: the caller must own that
//! reference.
//!
//! "`ob_type` is a type" means that it meets the second condition. Without a host, the type's own `ob_type` may be
//! NULL: a C program need not make its types ready there, and only the count of such a type is used.
//!
//! "The host's lock is held" means that the calling thread may use objects. It holds the global lock of the CPython in
//! this process; in a free-threaded CPython it is attached to an interpreter. Without a host, no other thread calls
//! this library.

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
    /// `op` points to memory of this layout. The memory need not be initialised.
    unsafe fn count(op: *mut Self) -> *mut Self::Count;

    /// The address of the count of an object at `op`, which need not be readable.
    fn count_address(op: *mut Self) -> usize;

    /// The type of `op`.
    ///
    /// # Safety
    /// `op` is aligned and points to readable memory of this layout, whose type word is initialised.
    unsafe fn ob_type(op: *mut Self) -> *mut PyTypeObject;
}

/// The type of `op`: CPython's `Py_TYPE`.
///
/// # Safety
/// `op` is aligned and points to readable memory of a [`PyObject`], whose type word is initialised.
#[inline]
pub unsafe fn type_of(op: *mut PyObject) -> *mut PyTypeObject {
    // SAFETY: the caller's promise is the callee's.
    unsafe { PyObject::ob_type(op) }
}

/// The flags of `op`'s type.
///
/// # Safety
/// `op` is an object. Its count need not be set yet.
#[inline]
pub unsafe fn flags_of(op: *mut PyObject) -> TypeFlags {
    // SAFETY: an object's type stays readable as long as the object lives.
    TypeFlags(unsafe { (*type_of(op)).tp_flags })
}

/// How many bytes of `op`'s memory block lie in front of `op`: 0, 16 or 32.
///
/// # Safety
/// `op` is an object. Its count need not be set yet.
#[inline]
pub unsafe fn presize(op: *mut PyObject) -> usize {
    // SAFETY: the caller's promise is the callee's.
    unsafe { flags_of(op) }.presize(FLAVOUR)
}
