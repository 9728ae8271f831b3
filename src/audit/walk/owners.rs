//! Types whose instances may own memory that a C library allocated.

use std::ffi::CStr;

use crate::abi::PyTypeObject;
use crate::audit::heap::builtin::builtin;

/// Prefixes of the names of CPython types whose instances own memory of a C library. Some builds link their modules
/// into the interpreter, so that `tp_dealloc` looks like CPython's own.
const OWNERS: [&[u8]; 17] = [
    b"posix.ScandirIterator",
    b"sqlite3.",
    b"_blake2.",
    b"_bz2.",
    b"_ctypes",
    b"_curses",
    b"_dbm.",
    b"_gdbm.",
    b"_hashlib.",
    b"_hmac.",
    b"_lzma.",
    b"_md5.",
    b"_sha",
    b"_sqlite3.",
    b"_ssl.",
    b"_tkinter.",
    b"_zstd.",
];

/// Whether instances may own memory that did not come from CPython's allocators. That is so if an extension's
/// `tp_dealloc` ends them, or if their type wraps a C library. Base types count, too.
///
/// # Safety
/// `ob_type` is a type.
pub(in crate::audit) unsafe fn may_own_memory(mut ob_type: *mut PyTypeObject) -> bool {
    while !ob_type.is_null() {
        // SAFETY: a base of a type is a type, and its name is a string or NULL.
        unsafe {
            let dealloc = (*ob_type).tp_dealloc.map_or(0, |dealloc| dealloc as usize);
            if dealloc != 0 && !builtin().is_own(dealloc) {
                return true;
            }
            let name = (*ob_type).tp_name;
            let is_owner = |owner: &&[u8]| CStr::from_ptr(name).to_bytes().starts_with(owner);
            if !name.is_null() && OWNERS.iter().any(is_owner) {
                return true;
            }
            ob_type = (*ob_type).tp_base;
        }
    }
    false
}
