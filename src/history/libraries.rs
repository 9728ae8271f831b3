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
    /// Whether it imports a function that blocks signals.
    pub blocks_signals: bool,
    /// Whether a segment is writable and executable.
    pub is_writable: bool,
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

/// The functions that change which signals a thread blocks.
pub const BLOCKING: [&CStr; 2] = [c"pthread_sigmask", c"sigprocmask"];
/// The folder of the modules that come with CPython.
const STANDARD: &str = "/lib-dynload/";

/// Every loaded library that imports a name of CPython, except `interpreter`, this library, and CPython's own modules. A
/// library that may write to its code is left out: its pages can't be given back the access that they had.
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
            blocks_signals: false,
            is_writable: library.segments(libc::PF_W | libc::PF_X).next().is_some(),
            unwinding: unwinding.map(|header| library.place(header)),
        });
    });
    let own = extensions as *const () as usize;
    all.retain(|library| {
        !library.is_writable
            && !library.path.to_string_lossy().contains(STANDARD)
            && !library.is_code(own)
            && !library
                .code
                .iter()
                .any(|range| interpreter.contains(&range.start))
            && imports(&library.path, |name| {
                name.starts_with(b"Py") || name.starts_with(b"_Py")
            })
    });
    for library in &mut all {
        library.blocks_signals = imports(&library.path, |name| {
            BLOCKING.iter().any(|one| one.to_bytes() == name)
        });
    }
    all
}

/// Whether a file needs such a symbol. False for the kernel's library, which has no file.
fn imports(path: &Path, is_such: impl Fn(&[u8]) -> bool) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    let data = ReadCache::new(file);
    let Ok(file) = ElfFile::<FileHeader64<Endianness>, _>::parse(&data) else {
        return false;
    };
    file.dynamic_symbols()
        .filter(|symbol| symbol.is_undefined())
        .filter_map(|symbol| symbol.name_bytes().ok())
        .any(is_such)
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
