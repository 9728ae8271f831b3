//! Which of our symbols the host really uses: what stands in the import tables of its library.

use std::collections::HashSet;
use std::ffi::{CStr, CString, OsStr, c_void};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{Endianness, Object, ObjectSymbol, ObjectSymbolTable, RelocationTarget};

use super::loader;
use super::originals::{self, is_ours};
use crate::report::facts::{Replaced, Symbol};

/// Every symbol that this library exports and the host's library defines too.
pub(super) fn in_host() -> Vec<Symbol> {
    let Some(python) = originals::python() else {
        return Vec::new();
    };
    let host = python.symbol(c"Py_GetVersion");
    let (Some(ours), Some(theirs)) = (Tables::of(in_host as *const c_void), Tables::of(host))
    else {
        return Vec::new();
    };
    let both = ours.defined.intersection(&theirs.defined);
    let mut symbols: Vec<Symbol> = both
        .map(|name| Symbol {
            replaced: replaced(name, &theirs.imported),
            name: name.clone(),
        })
        .collect();
    symbols.sort_by(|a, b| a.name.cmp(&b.name));
    symbols
}

fn replaced(name: &str, imported: &HashSet<String>) -> Replaced {
    let Ok(text) = CString::new(name) else {
        return Replaced::Nowhere;
    };
    // SAFETY: dlsym takes a C string.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, text.as_ptr()) };
    match (is_ours(found), imported.contains(name)) {
        (false, _) => Replaced::Nowhere,
        (true, true) => Replaced::Everywhere,
        (true, false) => Replaced::InExtensions,
    }
}

/// The names in the dynamic tables of a program or library.
struct Tables {
    /// What it defines.
    defined: HashSet<String>,
    /// What its own code looks up by name, whoever defines it.
    imported: HashSet<String>,
}

impl Tables {
    /// Those of the object that holds `address`, read from its file.
    fn of(address: *const c_void) -> Option<Self> {
        let data = fs::read(path_of(address)?).ok()?;
        let file = ElfFile::<FileHeader64<Endianness>>::parse(&*data).ok()?;
        let symbols = file.dynamic_symbol_table()?;
        let name =
            |symbol: &object::read::elf::ElfSymbol64<'_, '_>| symbol.name().map(Into::into).ok();
        let defined = file
            .dynamic_symbols()
            .filter(|symbol| !symbol.is_undefined());
        let targets = file.dynamic_relocations().into_iter().flatten();
        let imported = targets.filter_map(|(_, relocation)| match relocation.target() {
            RelocationTarget::Symbol(index) => name(&symbols.symbol_by_index(index).ok()?),
            _ => None,
        });
        Some(Self {
            defined: defined.filter_map(|s| name(&s)).collect(),
            imported: imported.collect(),
        })
    }
}

fn path_of(address: *const c_void) -> Option<PathBuf> {
    let map = loader::link_map_of(address)?;
    // SAFETY: the loader's names are C strings.
    let name = unsafe { CStr::from_ptr(map.name) };
    // The program itself has no name.
    let path = if name.is_empty() {
        "/proc/self/exe".into()
    } else {
        PathBuf::from(OsStr::from_bytes(name.to_bytes()))
    };
    Some(path)
}
