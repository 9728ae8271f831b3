use std::ffi::{c_char, c_uint, c_ulong, c_void};
use std::mem::offset_of;

use super::*;

/// A type: how its instances are made, used and ended.
///
/// All fields have CPython's names, places and types, but for the tables of numeric, sequence,
/// mapping, asynchronous and buffer slots and of methods, members and getters, which are untyped.
/// This file is a selector for the version's last fields.
#[allow(missing_docs, reason = "the slots are CPython's, and documented there")]
#[repr(C)]
#[derive(Debug)]
pub struct PyTypeObject {
    /// A type is an object too.
    pub ob_base: PyVarObject,
    /// `module.name`, or `name` for a built-in type.
    pub tp_name: *const c_char,
    /// Bytes of an instance without items.
    pub tp_basicsize: Py_ssize_t,
    /// Bytes of one item.
    pub tp_itemsize: Py_ssize_t,
    /// Called when a count reaches zero; never NULL where that can happen.
    pub tp_dealloc: destructor,
    pub tp_vectorcall_offset: Py_ssize_t,
    pub tp_getattr: getattrfunc,
    pub tp_setattr: setattrfunc,
    pub tp_as_async: *mut c_void,
    pub tp_repr: reprfunc,
    pub tp_as_number: *mut c_void,
    pub tp_as_sequence: *mut c_void,
    pub tp_as_mapping: *mut c_void,
    pub tp_hash: hashfunc,
    pub tp_call: ternaryfunc,
    pub tp_str: reprfunc,
    pub tp_getattro: getattrofunc,
    pub tp_setattro: setattrofunc,
    pub tp_as_buffer: *mut c_void,
    /// `Py_TPFLAGS_…`.
    pub tp_flags: c_ulong,
    pub tp_doc: *const c_char,
    /// Visits what an instance refers to.
    pub tp_traverse: traverseproc,
    /// Drops what an instance refers to.
    pub tp_clear: inquiry,
    pub tp_richcompare: richcmpfunc,
    pub tp_weaklistoffset: Py_ssize_t,
    pub tp_iter: getiterfunc,
    pub tp_iternext: iternextfunc,
    pub tp_methods: *mut c_void,
    pub tp_members: *mut c_void,
    pub tp_getset: *mut c_void,
    /// The type inherited from.
    pub tp_base: *mut PyTypeObject,
    pub tp_dict: *mut PyObject,
    pub tp_descr_get: descrgetfunc,
    pub tp_descr_set: descrsetfunc,
    pub tp_dictoffset: Py_ssize_t,
    pub tp_init: initproc,
    pub tp_alloc: allocfunc,
    pub tp_new: newfunc,
    /// Gives an instance's memory back.
    pub tp_free: freefunc,
    /// Whether this instance has a `PyGC_Head`; NULL: as the flags say.
    pub tp_is_gc: inquiry,
    pub tp_bases: *mut PyObject,
    pub tp_mro: *mut PyObject,
    pub tp_cache: *mut PyObject,
    pub tp_subclasses: *mut c_void,
    pub tp_weaklist: *mut PyObject,
    pub tp_del: destructor,
    pub tp_version_tag: c_uint,
    /// Runs before an instance dies, which it may resurrect.
    pub tp_finalize: destructor,
    pub tp_vectorcall: vectorcallfunc,
    /// 3.8 only.
    #[cfg(not(Py_3_9))]
    pub tp_print: *mut c_void,
    /// Type watchers (3.12 and later).
    #[cfg(Py_3_12)]
    pub tp_watched: u8,
    /// Version tags used up (3.13 and later).
    #[cfg(Py_3_13)]
    pub tp_versions_used: u16,
    /// CPython's own use (3.15 and later).
    #[cfg(Py_3_15)]
    pub _tp_iteritem: Option<unsafe extern "C" fn(*mut PyObject, Py_ssize_t) -> *mut c_void>,
}

const EXTRA: usize = size_of::<PyObject>() - 16;
const SIZE: usize = match FLAVOUR.minor {
    8 | 12..=14 => 416,
    15 => 424,
    _ => 408,
};
const _: () = assert!(offset_of!(PyTypeObject, tp_name) == 24 + EXTRA);
const _: () = assert!(offset_of!(PyTypeObject, tp_dealloc) == 48 + EXTRA);
const _: () = assert!(offset_of!(PyTypeObject, tp_flags) == 168 + EXTRA);
const _: () = assert!(offset_of!(PyTypeObject, tp_traverse) == 184 + EXTRA);
const _: () = assert!(offset_of!(PyTypeObject, tp_is_gc) == 328 + EXTRA);
const _: () = assert!(offset_of!(PyTypeObject, tp_vectorcall) == 400 + EXTRA);
const _: () = assert!(size_of::<PyTypeObject>() == SIZE + EXTRA);
