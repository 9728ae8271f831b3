use std::ffi::{c_char, c_uint, c_ulong, c_void};
use std::mem::offset_of;

use super::*;

/// A type: how its instances are made, used and ended.
///
/// All fields have CPython's names, offsets and types. Only pointers to tables are untyped: those of numeric, sequence,
/// mapping, asynchronous and buffer slots, and those of methods, members and getters. The cfgs below select the last
/// fields by version.
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
    /// Called when an instance's count reaches zero. Never NULL where that can happen.
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
    /// Visits the objects that an instance refers to.
    pub tp_traverse: traverseproc,
    /// Releases the references that an instance holds.
    pub tp_clear: inquiry,
    pub tp_richcompare: richcmpfunc,
    pub tp_weaklistoffset: Py_ssize_t,
    pub tp_iter: getiterfunc,
    pub tp_iternext: iternextfunc,
    pub tp_methods: *mut c_void,
    pub tp_members: *mut c_void,
    pub tp_getset: *mut c_void,
    /// The base type.
    pub tp_base: *mut PyTypeObject,
    pub tp_dict: *mut PyObject,
    pub tp_descr_get: descrgetfunc,
    pub tp_descr_set: descrsetfunc,
    pub tp_dictoffset: Py_ssize_t,
    pub tp_init: initproc,
    pub tp_alloc: allocfunc,
    pub tp_new: newfunc,
    /// Gives back an instance's memory.
    pub tp_free: freefunc,
    /// Whether an instance takes part in garbage collection. Where it is NULL, `tp_flags` alone tells.
    pub tp_is_gc: inquiry,
    pub tp_bases: *mut PyObject,
    pub tp_mro: *mut PyObject,
    pub tp_cache: *mut PyObject,
    pub tp_subclasses: *mut c_void,
    pub tp_weaklist: *mut PyObject,
    pub tp_del: destructor,
    pub tp_version_tag: c_uint,
    /// Runs before an instance dies, and may resurrect the instance.
    pub tp_finalize: destructor,
    pub tp_vectorcall: vectorcallfunc,
    /// 3.8 only.
    #[cfg(not(Py_3_9))]
    pub tp_print: *mut c_void,
    /// A bit for each type watcher that watches this type (3.12 and later).
    #[cfg(Py_3_12)]
    pub tp_watched: u8,
    /// How many version tags this type has used (3.13 and later).
    #[cfg(Py_3_13)]
    pub tp_versions_used: u16,
    /// Private to CPython (3.15 and later).
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
