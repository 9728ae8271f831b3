//! The full names of types.

use std::ffi::{CStr, CString};

use std::sync::OnceLock;

use crate::abi::{self, PyObject, PyTypeObject, TypeFlags};
use crate::audit::heap::builtin::builtin;
use crate::audit::holds;
use crate::lifecycle::count;

/// The interned string `__module__`, a key in the dictionary of every heap type.
static MODULE: OnceLock<usize> = OnceLock::new();

/// Learns from the host the facts that have no symbol.
///
/// # Safety
/// The host's lock is held.
pub(in crate::audit) unsafe fn learn() {
    if let Some(intern) = builtin().PyUnicode_InternFromString {
        // SAFETY: the function gets a string that ends with a zero byte, and returns an object or NULL. The host's lock
        // is held, as the caller promises.
        unsafe {
            let name = intern(c"__module__".as_ptr());
            if !name.is_null() {
                let _ = MODULE.set(name as usize);
                // The types' dictionaries hold the string, too, so it stays alive.
                count::release(name, c"Py_DecRef");
            }
        }
    }
}

/// The name of a type by its `__module__` and `__qualname__`: `module.Type`, or `Type` if the module is `builtins` or
/// unknown. Calls no code of the type.
///
/// # Safety
/// `ob_type` is a type, each field that `is_object` accepts is an object, and the host's lock is held.
pub(in crate::audit) unsafe fn full_name(
    ob_type: *mut PyTypeObject,
    mut is_object: impl FnMut(*mut PyObject) -> bool,
) -> CString {
    // SAFETY: `ob_type` is a type, a heap type has the fields behind its slots, and the lock is held. Only accepted
    // fields are followed.
    unsafe {
        if TypeFlags((*ob_type).tp_flags).is_heap_type() {
            let mut object = |op: *mut PyObject| (!op.is_null() && is_object(op)).then_some(op);
            if let Some(own) = object(holds::qualified_name(ob_type)).and_then(|op| text(op)) {
                let module = object((*ob_type).tp_dict)
                    .and_then(|dict| module(dict))
                    .and_then(object)
                    .and_then(|op| text(op));
                return join(module.as_deref(), &own);
            }
        }
        let name = (*ob_type).tp_name;
        if name.is_null() {
            c"?".into()
        } else {
            CStr::from_ptr(name).into()
        }
    }
}

fn join(module: Option<&str>, own: &str) -> CString {
    let whole = match module {
        None | Some("" | "builtins") => own.to_owned(),
        Some(module) => format!("{module}.{own}"),
    };
    // A program may give its class a name with a zero byte.
    CString::new(whole.replace('\0', "\\x00")).unwrap_or_default()
}

/// The value of `__module__` in a type's dictionary.
///
/// # Safety
/// `dict` is an object, and the host's lock is held.
unsafe fn module(dict: *mut PyObject) -> Option<*mut PyObject> {
    let next = builtin().PyDict_Next?;
    let wanted = *MODULE.get()?;
    // SAFETY: `dict` is an object and its flags say that it is a dictionary. `PyDict_Next` compares no keys and creates
    // no objects.
    unsafe {
        if !abi::flags_of(dict).is_dict() {
            return None;
        }
        let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        while next(dict, &mut at, &mut key, &mut value) != 0 {
            if key as usize == wanted {
                return Some(value);
            }
        }
    }
    None
}

/// The text of a string. A lone surrogate is replaced.
///
/// # Safety
/// `op` is an object, and the host's lock is held.
unsafe fn text(op: *mut PyObject) -> Option<String> {
    let (length, copy) = (builtin().PyUnicode_GetLength?, builtin().PyUnicode_AsUCS4?);
    // SAFETY: `op` is a string, the lock is held, and the buffer has room for all characters without a final zero.
    unsafe {
        if !abi::flags_of(op).is_string() {
            return None;
        }
        let mut characters = vec![0_u32; usize::try_from(length(op)).ok()?];
        if copy(op, characters.as_mut_ptr(), characters.len() as isize, 0).is_null() {
            return None;
        }
        let characters = characters.into_iter().map(char::from_u32);
        Some(characters.map(|one| one.unwrap_or('\u{FFFD}')).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_module_in_front() {
        assert_eq!(join(Some("a.b"), "C.d").as_c_str(), c"a.b.C.d");
        for module in [None, Some(""), Some("builtins")] {
            assert_eq!(join(module, "C").as_c_str(), c"C");
        }
        assert_eq!(join(None, "zero\0").as_c_str(), c"zero\\x00");
    }
}
