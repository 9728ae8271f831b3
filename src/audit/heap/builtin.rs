//! CPython's own types and functions, which the audit compares with.

use std::ffi::{CStr, c_char, c_void};
use std::ops::Range;
use std::sync::OnceLock;

use crate::abi::{PyObject, PyTypeObject};

/// Addresses of CPython's symbols. An address is 0 if the host has no such symbol, or if there is no host.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each field is CPython's symbol of that name")]
pub struct Builtin {
    pub PyType_Type: usize,
    pub PyTuple_Type: usize,
    pub PyDict_Type: usize,
    pub PyCode_Type: usize,
    pub PyFrame_Type: usize,
    pub PyLong_Type: usize,
    pub PyUnicode_Type: usize,
    pub PyObject_Free: usize,
    pub PyObject_GC_Del: usize,
    pub PyDict_New: Option<unsafe extern "C" fn() -> *mut PyObject>,
    pub PyDict_SetItem:
        Option<unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> i32>,
    pub PyDict_Next: Option<
        unsafe extern "C" fn(
            *mut PyObject,
            *mut isize,
            *mut *mut PyObject,
            *mut *mut PyObject,
        ) -> i32,
    >,
    pub PyUnicode_FromString: Option<unsafe extern "C" fn(*const c_char) -> *mut PyObject>,
    pub PyUnicode_GetLength: Option<unsafe extern "C" fn(*mut PyObject) -> isize>,
    pub PyUnicode_AsUCS4:
        Option<unsafe extern "C" fn(*mut PyObject, *mut u32, isize, i32) -> *mut u32>,
    pub PyUnicode_InternFromString: Option<unsafe extern "C" fn(*const c_char) -> *mut PyObject>,
    pub PySys_GetObject: Option<unsafe extern "C" fn(*const c_char) -> *mut PyObject>,
    /// Types with free lists, whose deaths `reuse` watches while births are recorded.
    pub keeping: Vec<usize>,
    /// The address range of the program or library that contains CPython.
    pub code: Range<usize>,
}

static BUILTIN: OnceLock<Builtin> = OnceLock::new();
static NONE: OnceLock<Builtin> = OnceLock::new();

/// CPython's symbols; without a host, all are missing.
pub(in crate::audit) fn builtin() -> &'static Builtin {
    BUILTIN
        .get()
        .unwrap_or_else(|| NONE.get_or_init(Builtin::default))
}

/// Sets the host: its symbols, by `look`, and its address range. Called once.
///
/// # Safety
/// `look` returns the address of the CPython symbol with that name, or null.
pub unsafe fn follow_host(code: Range<usize>, look: impl Fn(&CStr) -> *mut c_void) {
    let address = |name| look(name) as usize;
    // SAFETY: each symbol has the signature of CPython's header, and null becomes `None`.
    let found = unsafe {
        Builtin {
            PyType_Type: address(c"PyType_Type"),
            PyTuple_Type: address(c"PyTuple_Type"),
            PyDict_Type: address(c"PyDict_Type"),
            PyCode_Type: address(c"PyCode_Type"),
            PyFrame_Type: address(c"PyFrame_Type"),
            PyLong_Type: address(c"PyLong_Type"),
            PyUnicode_Type: address(c"PyUnicode_Type"),
            PyObject_Free: address(c"PyObject_Free"),
            PyObject_GC_Del: address(c"PyObject_GC_Del"),
            PyDict_New: std::mem::transmute::<*mut c_void, Option<_>>(look(c"PyDict_New")),
            PyDict_SetItem: std::mem::transmute::<*mut c_void, Option<_>>(look(c"PyDict_SetItem")),
            PyDict_Next: std::mem::transmute::<*mut c_void, Option<_>>(look(c"PyDict_Next")),
            PyUnicode_FromString: std::mem::transmute::<*mut c_void, Option<_>>(look(
                c"PyUnicode_FromString",
            )),
            PyUnicode_GetLength: std::mem::transmute::<*mut c_void, Option<_>>(look(
                c"PyUnicode_GetLength",
            )),
            PyUnicode_AsUCS4: std::mem::transmute::<*mut c_void, Option<_>>(look(
                c"PyUnicode_AsUCS4",
            )),
            PyUnicode_InternFromString: std::mem::transmute::<*mut c_void, Option<_>>(look(
                c"PyUnicode_InternFromString",
            )),
            PySys_GetObject: std::mem::transmute::<*mut c_void, Option<_>>(look(
                c"PySys_GetObject",
            )),
            keeping: [
                c"PyTuple_Type",
                c"PyList_Type",
                c"PyDict_Type",
                c"PyFloat_Type",
            ]
            .map(address)
            .into_iter()
            .filter(|&address| address != 0)
            .collect(),
            code,
        }
    };
    let _ = BUILTIN.set(found);
}

impl Builtin {
    /// Whether an address lies in CPython's own code or data.
    pub(in crate::audit) fn is_own(&self, address: usize) -> bool {
        self.code.contains(&address)
    }

    /// Whether all instances of a type lie in blocks of the object domain.
    ///
    /// # Safety
    /// `ob_type` is a type.
    pub(in crate::audit) unsafe fn frees_blocks(&self, ob_type: *mut PyTypeObject) -> bool {
        // SAFETY: `ob_type` is a type.
        let free = unsafe { (*ob_type).tp_free }.map_or(0, |free| free as usize);
        free != 0 && (free == self.PyObject_Free || free == self.PyObject_GC_Del)
    }
}
