//! Types for which a list of fields with references is enough.
//!
//! Places are bytes behind the object's head, so they do not depend on the length of the head.

use std::ffi::CStr;
use std::ops::RangeInclusive;

use super::{Known, datetime, lru_cache, numpy, profiler, string_io};
use crate::abi::{FLAVOUR, PyTypeObject};

/// Types without a symbol, by `tp_name`. The versions are the minor numbers of CPython 3.
const NAMES: &[(&CStr, RangeInclusive<u8>, Known)] = &[
    (c"posix.DirEntry", 8..=15, Known::Always(&[0, 8, 16, 24])),
    (c"posix.ScandirIterator", 8..=12, Known::Always(&[56, 64])),
    // In the course of 3.13 both fields moved by one word. A length lies at the first place then.
    (
        c"posix.ScandirIterator",
        13..=15,
        Known::Always(&[72, 80, 88]),
    ),
    // Iterators over the lines and the positions of a code object, and over the parts of a format string.
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
    // The last field is the annotations block.
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
    // A date has no field for a zone, and a time without a zone ends in front of that field. The word behind it is no
    // field.
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

/// Modules that most Pythons keep in separate libraries, and some builds link into the interpreter. Instances of their
/// static types hold references that they do not show, on some version. The audit searches these instances for words,
/// as those of foreign types. (A heap type is recognised by its size.)
///
/// Without this list, `tests/python/test_holds.py` reports something for each module but the last on 3.8. It reports
/// zones in any case, but fewer of their strings with the list.
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

/// What the audit knows about a type's instances, by the type's name.
///
/// # Safety
/// `ob_type` is a type.
pub(super) unsafe fn by_name(ob_type: *mut PyTypeObject) -> Option<Known> {
    // SAFETY: `ob_type` is a type.
    let name = unsafe { name(ob_type) };
    let found = NAMES
        .iter()
        .find(|(known, versions, _)| *known == name && versions.contains(&FLAVOUR.minor));
    // SAFETY: `ob_type` is a type, and `name` its name.
    found
        .map(|(_, _, known)| *known)
        .or_else(|| unsafe { numpy::by_name(ob_type, name) })
}

/// Whether the fields that the type adds to its base are known here.
///
/// # Safety
/// `ob_type` is a type.
pub(crate) unsafe fn is_all_known(ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: `ob_type` is a type.
    unsafe { by_name(ob_type).is_some() }
}

/// Whether the type belongs to a module of [`ELSEWHERE`].
///
/// # Safety
/// `ob_type` is a type.
pub(crate) unsafe fn is_elsewhere(ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: `ob_type` is a type.
    let name = unsafe { name(ob_type) }.to_bytes();
    ELSEWHERE.iter().any(|module| name.starts_with(module))
}

/// Whether another object visits the type on behalf of its instances.
///
/// # Safety
/// `ob_type` is a type.
pub(crate) unsafe fn is_shown_for_instances(ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: `ob_type` is a type.
    FLAVOUR.visits_entry_types() && unsafe { name(ob_type) } == c"functools._lru_list_elem"
}

/// The fewest bytes of an instance. Some instances are shorter than `tp_basicsize`.
///
/// # Safety
/// `ob_type` is a type.
pub(crate) unsafe fn least_size(ob_type: *mut PyTypeObject) -> usize {
    // SAFETY: `ob_type` is a type.
    unsafe {
        let size = (*ob_type).tp_basicsize.unsigned_abs();
        // A time without a zone ends in front of the field for it.
        match name(ob_type).to_bytes() {
            b"datetime.time" => size - size_of::<usize>(),
            _ => size,
        }
    }
}

/// Whether instances have items but no `ob_size`. From 3.11 on frames and the objects that own one have another field
/// there.
///
/// # Safety
/// `ob_type` is a type.
pub(crate) unsafe fn has_no_size(ob_type: *mut PyTypeObject) -> bool {
    const OWNERS: [&[u8]; 4] = [b"frame", b"generator", b"coroutine", b"async_generator"];
    // SAFETY: `ob_type` is a type.
    !FLAVOUR.runs_in_frame_objects() && OWNERS.contains(&unsafe { name(ob_type) }.to_bytes())
}

/// The name of a type; empty if it has none.
///
/// # Safety
/// `ob_type` is a type.
unsafe fn name<'a>(ob_type: *mut PyTypeObject) -> &'a CStr {
    // SAFETY: `ob_type` is a type, and its name is a string or NULL.
    unsafe {
        let name = (*ob_type).tp_name;
        if name.is_null() {
            c""
        } else {
            CStr::from_ptr(name)
        }
    }
}
