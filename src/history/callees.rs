//! Which function a call leads to, by its name.

use std::ffi::CStr;
use std::mem::MaybeUninit;

use iced_x86::{Decoder, DecoderOptions};

use super::sites::{self, LONGEST_INSTRUCTION};
use super::stubs;
use crate::host;

/// Functions of CPython that take a reference. They run no code of Python, or hardly ever: finalizers, converters of
/// arguments, buffers of classes.
const QUIET: [&str; 33] = [
    "PyArg_Parse",
    "PyArg_ParseTuple",
    "_PyArg_ParseTuple_SizeT",
    "PyArg_ParseTupleAndKeywords",
    "_PyArg_ParseTupleAndKeywords_SizeT",
    "PyContextVar_Get",
    "PyObject_GetBuffer",
    "Py_BuildValue",
    "_Py_BuildValue_SizeT",
    "PyTuple_Pack",
    "PyTuple_SetItem",
    "PyList_Append",
    "PyList_AsTuple",
    "PyList_Insert",
    "PyList_SetItem",
    "PyList_SetSlice",
    "PyDict_Copy",
    "PyDict_SetItemString",
    "PyModule_AddObject",
    "PyModule_AddObjectRef",
    "PyModule_AddType",
    "PyCapsule_SetContext",
    "PyCell_New",
    "PyCell_Set",
    "PyMethod_New",
    "PyInstanceMethod_New",
    "PyStaticMethod_New",
    "PySlice_New",
    "PySys_SetObject",
    "PyErr_SetObject",
    "PyErr_SetNone",
    "PyException_SetCause",
    "PyStructSequence_SetItem",
];

/// Whether the call at `site` leads to a function that takes references itself: it runs no code of Python that might.
#[must_use]
pub fn is_quiet(site: usize) -> bool {
    name(site).is_some_and(|name| QUIET.contains(&name))
}

/// The name of the function that the call at `site` leads to. `None` if that depends on a register.
fn name(site: usize) -> Option<&'static str> {
    let code = host::read::<[u8; LONGEST_INSTRUCTION]>(site)?;
    let call = Decoder::with_ip(64, &code, site as u64, DecoderOptions::NONE).decode();
    let to = sites::leads_to(&call)?;
    let to = stubs::leads_to(to).unwrap_or(to);
    let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `found` is a valid place, and zeroes are a valid value. The loader's names stay as long as the library,
    // which is CPython or one that it has loaded.
    unsafe {
        if libc::dladdr(to as *const _, found.as_mut_ptr()) == 0 {
            return None;
        }
        let found = found.assume_init();
        if found.dli_sname.is_null() || found.dli_saddr as usize != to {
            return None;
        }
        CStr::from_ptr(found.dli_sname).to_str().ok()
    }
}
