//! Which of our symbols the host really uses, from the import tables of its library.

use std::collections::HashSet;
use std::ffi::{CStr, CString, OsStr, c_void};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{Endianness, Object, ObjectSymbol, ObjectSymbolTable, RelocationTarget};

use super::loader;
use super::originals::{self, is_ours};
use crate::report::facts::{Replaced, Symbol};

/// The files of this library and of the host. Their paths are found early, while the current folder is the one that the
/// loader saw.
static FILES: OnceLock<Option<[PathBuf; 2]>> = OnceLock::new();

/// Finds the paths of the files.
pub(super) fn remember_where() {
    FILES.get_or_init(|| {
        let host = originals::python()?.symbol(c"Py_GetVersion");
        Some([path_of(remember_where as *const c_void)?, path_of(host)?])
    });
}

/// Every symbol that both this library and the host's library define; `None` if the files can't be read.
pub(super) fn in_host() -> Option<Vec<Symbol>> {
    let [ours, theirs] = FILES.get()?.as_ref()?;
    let (ours, theirs) = (Tables::of(ours)?, Tables::of(theirs)?);
    let both = ours.defined.intersection(&theirs.defined);
    let mut symbols: Vec<Symbol> = both
        .map(|name| Symbol {
            replaced: replaced(name, &theirs.imported),
            name: name.clone(),
        })
        .collect();
    symbols.sort_by(|a, b| a.name.cmp(&b.name));
    Some(symbols)
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
    /// The names that it defines.
    defined: HashSet<String>,
    /// The names that its own code looks up, wherever they are defined.
    imported: HashSet<String>,
}

impl Tables {
    /// Reads the tables of a file.
    fn of(path: &Path) -> Option<Self> {
        let data = fs::read(path).ok()?;
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

/// The file of the program or library that holds `address`.
fn path_of(address: *const c_void) -> Option<PathBuf> {
    let map = loader::link_map_of(address)?;
    // SAFETY: the loader's names are C strings.
    let name = unsafe { CStr::from_ptr(map.name) };
    // The program itself has no name.
    let path = if name.is_empty() {
        c"/proc/self/exe"
    } else {
        name
    };
    Path::new(OsStr::from_bytes(path.to_bytes()))
        .canonicalize()
        .ok()
}
