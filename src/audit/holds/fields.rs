//! Types of which it is enough to know which fields hold a reference.
//!
//! Places are in bytes behind the object's head, so that they are the same where the head is longer.

use std::ffi::CStr;
use std::ops::RangeInclusive;

use super::{Known, datetime, lru_cache, numpy, profiler, string_io};
use crate::abi::{FLAVOUR, PyTypeObject};

/// Types without a symbol, by `tp_name`; the versions are CPython's 3.x.
const NAMES: &[(&CStr, RangeInclusive<u8>, Known)] = &[
    (c"posix.DirEntry", 8..=15, Known::Always(&[0, 8, 16, 24])),
    (c"posix.ScandirIterator", 8..=12, Known::Always(&[56, 64])),
    // 3.13 has moved them by a word on its way; in between stands a length.
    (
        c"posix.ScandirIterator",
        13..=15,
        Known::Always(&[72, 80, 88]),
    ),
    // Iterators over the lines and positions of a code object, and over the parts of a format.
    (c"line_iterator", 10..=15, Known::Always(&[0])),
    (c"positions_iterator", 11..=15, Known::Always(&[0])),
    (c"fieldnameiterator", 8..=15, Known::Always(&[0])),
    (c"formatteriterator", 8..=15, Known::Always(&[0])),
    (
        c"symtable entry",
        8..=11,
        Known::Always(&[0, 8, 16, 24, 32, 40]),
    ),
    (
        c"symtable entry",
        12..=13,
        Known::Always(&[0, 8, 16, 24, 32, 40, 48]),
    ),
    // The last is the block of the annotations.
    (
        c"symtable entry",
        14..=14,
        Known::Always(&[0, 8, 16, 24, 32, 40, 48, 112]),
    ),
    (
        c"symtable entry",
        15..=15,
        Known::Always(&[0, 8, 16, 24, 32, 40, 48, 56, 120]),
    ),
    (c"_io.BytesIO", 8..=11, Known::Always(&[0])),
    (
        c"_io.StringIO",
        8..=11,
        Known::Always(&[40, 48, 64, 72, 80]),
    ),
    (c"_io.StringIO", 12..=13, Known::Always(&[40])),
    (c"_io.StringIO", 14..=15, Known::Ask(string_io::ask)),
    (
        c"_io.IncrementalNewlineDecoder",
        8..=11,
        Known::Always(&[0, 8]),
    ),
    (c"_io.BufferedRWPair", 8..=11, Known::Always(&[0, 8])),
    (c"re.Pattern", 8..=9, Known::Always(&[16, 24, 32])),
    (c"re.Match", 8..=9, Known::Always(&[8, 16, 24])),
    (c"_sre.SRE_Scanner", 8..=9, Known::Always(&[0, 40])),
    (c"_sre.SRE_Scanner", 10..=15, Known::Always(&[40])),
    (c"datetime.timezone", 8..=15, Known::Always(&[0, 8])),
    // A date and a time without a zone is shorter than its type says; the word behind it would be taken for its own.
    (c"datetime.date", 8..=15, Known::Always(&[])),
    (c"datetime.time", 8..=15, Known::Ask(datetime::ask_time)),
    (
        c"datetime.datetime",
        8..=15,
        Known::Ask(datetime::ask_datetime),
    ),
    (
        c"functools._lru_cache_wrapper",
        8..=15,
        Known::Ask(lru_cache::ask_cache),
    ),
    (
        c"functools._lru_list_elem",
        8..=15,
        Known::Ask(lru_cache::ask_entry),
    ),
    (c"_lsprof.Profiler", 8..=15, Known::Ask(profiler::ask)),
    (c"functools.KeyWrapper", 8..=9, Known::Always(&[0, 8])),
    (c"operator.methodcaller", 8..=9, Known::Always(&[0])),
    (c"_abc_data", 8..=8, Known::Always(&[0, 8, 16])),
    (c"_struct.Struct", 9..=9, Known::Always(&[24])),
    (c"Struct", 8..=8, Known::Always(&[24])),
    (c"_thread._local", 8..=12, Known::Always(&[0, 40])),
    (c"typing.TypeVar", 12..=13, Known::Always(&[0])),
    (c"typing.TypeVarTuple", 12..=13, Known::Always(&[0])),
    (c"typing.ParamSpec", 12..=13, Known::Always(&[0])),
    (c"typing.TypeAliasType", 12..=13, Known::Always(&[0])),
    (c"decimal.Context", 8..=12, Known::Always(&[48, 56])),
    (c"decimal.ContextManager", 8..=12, Known::Always(&[0, 8])),
];

/// The modules that most Pythons keep in libraries of their own and some build in, and of which an instance of a static
/// type holds, on one version or another, what it doesn't show. It is then looked for as in anybody else's. (A type made at
/// run time is told by its size.)
///
/// Where all such modules are taken for CPython's own, `python/tests/test_holds.py` reports something of each but the
/// last on 3.8; zones are reported in any case, and fewer strings of theirs with it.
const ELSEWHERE: &[&[u8]] = &[
    b"_bz2.",
    b"_csv.",
    b"_json.",
    b"_lzma.",
    b"_pickle.",
    b"_ssl.",
    b"pyexpat.",
    b"select.",
    b"sqlite3.",
    b"zlib.",
    b"zoneinfo.",
];

/// # Safety
/// `ob_type` is a type.
pub(super) unsafe fn by_name(ob_type: *mut PyTypeObject) -> Option<Known> {
    // SAFETY: the caller's promise.
    let name = unsafe { name(ob_type) };
    let found = NAMES
        .iter()
        .find(|(known, versions, _)| *known == name && versions.contains(&FLAVOUR.minor));
    // SAFETY: the caller's promise.
    found
        .map(|(_, _, known)| *known)
        .or_else(|| unsafe { numpy::by_name(ob_type, name) })
}

/// Whether the fields of instances, but for those of its base, are known from here.
///
/// # Safety
/// `ob_type` is a type.
pub(crate) unsafe fn is_all_known(ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: the caller's promise.
    unsafe { by_name(ob_type).is_some() }
}

/// Whether most Pythons have that type, if it is CPython's, in another library than their own.
///
/// # Safety
/// `ob_type` is a type.
pub(crate) unsafe fn is_elsewhere(ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: the caller's promise.
    let name = unsafe { name(ob_type) }.to_bytes();
    ELSEWHERE.iter().any(|module| name.starts_with(module))
}

/// Whether another object visits the type in the name of those instances.
///
/// # Safety
/// `ob_type` is a type.
pub(crate) unsafe fn is_shown_for_instances(ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: the caller's promise.
    FLAVOUR.minor >= 10 && unsafe { name(ob_type) } == c"functools._lru_list_elem"
}

/// The fewest bytes of an instance, where some are shorter than their type says.
///
/// # Safety
/// `ob_type` is a type.
pub(crate) unsafe fn least_size(ob_type: *mut PyTypeObject) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        let size = (*ob_type).tp_basicsize.unsigned_abs();
        // Without a zone it ends in front of the field for it, and takes a shorter block.
        match name(ob_type).to_bytes() {
            b"datetime.time" => size - size_of::<usize>(),
            _ => size,
        }
    }
}

/// Whether instances have items and keep their number nowhere, as frames and what owns one do from 3.11 on: a field stands
/// in its place.
///
/// # Safety
/// `ob_type` is a type.
pub(crate) unsafe fn has_no_size(ob_type: *mut PyTypeObject) -> bool {
    const OWNERS: [&[u8]; 4] = [b"frame", b"generator", b"coroutine", b"async_generator"];
    // SAFETY: the caller's promise.
    FLAVOUR.minor >= 11 && OWNERS.contains(&unsafe { name(ob_type) }.to_bytes())
}

/// # Safety
/// `ob_type` is a type.
unsafe fn name<'a>(ob_type: *mut PyTypeObject) -> &'a CStr {
    // SAFETY: a type that is ready has a name.
    unsafe {
        let name = (*ob_type).tp_name;
        if name.is_null() {
            c""
        } else {
            CStr::from_ptr(name)
        }
    }
}
