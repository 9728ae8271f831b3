//! The loaded libraries whose code counts references without being CPython's: extension modules.

use std::ffi::CStr;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use iced_x86::{Decoder, DecoderOptions, Mnemonic};
use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{Endianness, Object, ObjectSymbol, ReadCache};

use crate::host;

/// A loaded extension module.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// The file.
    pub path: PathBuf,
    /// The distance from the file's addresses to those in memory.
    pub base: usize,
    /// Its executable segments.
    pub code: Vec<Range<usize>>,
    /// Its readable segments.
    pub readable: Vec<Range<usize>>,
    /// The table that leads to its unwinding information.
    pub unwinding: Option<Range<usize>>,
}

impl Library {
    /// Whether code at `address` is its own.
    #[must_use]
    pub fn is_code(&self, address: usize) -> bool {
        self.code.iter().any(|range| range.contains(&address))
    }
}

/// The folder of the modules that come with CPython.
const STANDARD: &str = "/lib-dynload/";

/// Every loaded library that imports a name of CPython, except `interpreter`, this library, and CPython's own modules.
#[must_use]
pub fn extensions(interpreter: &Range<usize>) -> Vec<Library> {
    let mut all: Vec<Library> = Vec::new();
    host::libraries::visit(|library| {
        let places = |rights| {
            let segments = library.segments(rights);
            segments.map(|header| library.place(header)).collect()
        };
        let unwinding = library
            .headers
            .iter()
            .find(|one| one.p_type == libc::PT_GNU_EH_FRAME);
        all.push(Library {
            path: library.path().into(),
            base: library.base,
            code: places(libc::PF_X),
            readable: places(libc::PF_R),
            unwinding: unwinding.map(|header| library.place(header)),
        });
    });
    let own = extensions as *const () as usize;
    all.retain(|library| {
        !library.path.to_string_lossy().contains(STANDARD)
            && !library.is_code(own)
            && !library
                .code
                .iter()
                .any(|range| interpreter.contains(&range.start))
            && imports_python(&library.path).unwrap_or(false)
    });
    all
}

/// Whether a file needs a symbol of CPython. `None` for the kernel's library, which has no file.
fn imports_python(path: &Path) -> Option<bool> {
    let data = ReadCache::new(File::open(path).ok()?);
    let file = ElfFile::<FileHeader64<Endianness>, _>::parse(&data).ok()?;
    let mut imported = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_undefined())
        .filter_map(|symbol| symbol.name_bytes().ok());
    Some(imported.any(|name| name.starts_with(b"Py") || name.starts_with(b"_Py")))
}

/// The address of a symbol; 0 if there is none.
#[must_use]
pub fn symbol(name: &CStr) -> usize {
    // SAFETY: dlsym takes a C string.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) as usize }
}

/// Reads a word of a library's table, such as the address of an imported function.
#[must_use]
pub fn word_at(address: usize) -> Option<usize> {
    host::read::<usize>(address)
}

/// Whether a call stands in front of an address of code, so that the address may be one to return to.
#[must_use]
pub fn follows_call(address: usize) -> bool {
    const LONGEST: usize = 7;
    let Some(code) = address
        .checked_sub(LONGEST)
        .and_then(host::read::<[u8; LONGEST]>)
    else {
        return false;
    };
    (2..=LONGEST).any(|length| {
        let bytes = &code[LONGEST - length..];
        let mut decoder = Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE);
        let call = decoder.decode();
        call.mnemonic() == Mnemonic::Call && call.len() == length
    })
}
