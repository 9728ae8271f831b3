//! Where the functions of a library begin and end.
//!
//! The unwinding information says so in stripped libraries, too. It lies in memory. Names come from the file.

use std::fs;
use std::ops::Range;

use gimli::{BaseAddresses, CieOrFde, EhFrame, NativeEndian, UnwindSection};
use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{Endianness, Object, ObjectSymbol, SymbolKind};

use super::libraries::Library;
use super::stubs;
use crate::watch::unwinding;

/// What a piece of code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A function that is called.
    Whole,
    /// The rarely used part of another function, to which that one jumps.
    Part,
    /// A function that only counts a reference, such as `Py_INCREF` in code that inlines nothing.
    Counting,
    /// Another function of CPython's headers, such as `PyTuple_GET_SIZE`. It is a part of its caller.
    Header,
}

/// A piece of code with unwinding information of its own.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its addresses.
    pub code: Range<usize>,
    /// What it is.
    pub role: Role,
    /// Its name, where the file has symbols.
    pub name: Option<String>,
}

/// Functions of CPython's headers. A compiler that inlines nothing makes a function of each.
const COUNTING: [&str; 14] = [
    "Py_INCREF",
    "Py_DECREF",
    "_Py_INCREF",
    "_Py_DECREF",
    "Py_XINCREF",
    "Py_XDECREF",
    "_Py_XINCREF",
    "_Py_XDECREF",
    "Py_NewRef",
    "_Py_NewRef",
    "Py_XNewRef",
    "_Py_XNewRef",
    "Py_SET_REFCNT",
    "_Py_SetRefcnt",
];

/// Whether a function only counts a reference.
fn is_counting(name: &str) -> bool {
    // A compiler adds such endings to copies of a function: `Py_DECREF.isra.0`.
    COUNTING.contains(&name.split('.').next().unwrap_or(name))
}

/// The functions of a library in order of addresses.
#[must_use]
pub fn functions(library: &Library) -> Vec<Function> {
    let mut all: Vec<Function> = ranges(library)
        .unwrap_or_default()
        .into_iter()
        .filter(|code| library.is_code(code.start) && code.len() > 1 && !stubs::are(code))
        .map(|code| Function {
            code,
            role: Role::Whole,
            name: None,
        })
        .collect();
    all.sort_by_key(|function| (function.code.start, function.code.end));
    all.dedup_by_key(|function| function.code.start);
    all
}

/// Every range that the library's unwinding information covers.
fn ranges(library: &Library) -> Option<Vec<Range<usize>>> {
    let header = library.unwinding.clone()?;
    // SAFETY: these are the library's segments, and it stays loaded while it is traced.
    let (start, bytes) = unsafe {
        let frames = unwinding::frames_of(&header, &library.readable)?;
        (frames.start, unwinding::bytes(&frames))
    };
    let bases = BaseAddresses::default().set_eh_frame(start as u64);
    let section = EhFrame::new(bytes, NativeEndian);
    let mut entries = section.entries(&bases);
    let mut ranges = Vec::new();
    while let Ok(Some(entry)) = entries.next() {
        if let CieOrFde::Fde(partial) = entry
            && let Ok(found) =
                partial.parse(|section, bases, offset| section.cie_from_offset(bases, offset))
        {
            ranges.push(found.initial_address() as usize..found.end_address() as usize);
        }
    }
    Some(ranges)
}

/// Gives functions their names and roles, from the symbols of the library's file.
pub fn name(all: &mut [Function], library: &Library) {
    let Ok(data) = fs::read(&library.path) else {
        return;
    };
    let Ok(file) = ElfFile::<FileHeader64<Endianness>>::parse(&*data) else {
        return;
    };
    for symbol in file.symbols().chain(file.dynamic_symbols()) {
        let start = library.base + symbol.address() as usize;
        let found = all.binary_search_by_key(&start, |function| function.code.start);
        if let (SymbolKind::Text, Ok(at), Ok(name)) = (symbol.kind(), found, symbol.name())
            && all[at].name.is_none()
        {
            all[at].role = role(name);
            all[at].name = Some(name.into());
        }
    }
}

/// How the names of functions in CPython's headers begin. Code for several versions of CPython brings its own of these.
const HEADERS: [&str; 24] = [
    "Py_",
    "_Py_",
    "PyByteArray_",
    "PyBytes_",
    "PyCFunction_",
    "PyCode_",
    "PyDateTime_",
    "PyDict_",
    "PyErr_",
    "PyFloat_",
    "PyFrame_",
    "PyFunction_",
    "PyList_",
    "PyLong_",
    "PyModule_",
    "PyObject_",
    "_PyObject_",
    "PySet_",
    "PyThreadState_",
    "PyTuple_",
    "PyType_",
    "PyUnicode_",
    "PyWeakref_",
    "_PyVectorcall_",
];

/// Whether a function comes from CPython's headers.
#[must_use]
pub fn is_header(name: &str) -> bool {
    HEADERS.iter().any(|start| name.starts_with(start))
}

fn role(name: &str) -> Role {
    if is_counting(name) {
        Role::Counting
    } else if is_header(name) {
        Role::Header
    } else if name.ends_with(".cold") || name.contains(".cold.") {
        Role::Part
    } else {
        Role::Whole
    }
}

/// The index of the function that contains an address.
#[must_use]
pub fn at(all: &[Function], address: usize) -> Option<usize> {
    let behind = all.partition_point(|function| function.code.start <= address);
    let found = behind.checked_sub(1)?;
    all[found].code.contains(&address).then_some(found)
}
