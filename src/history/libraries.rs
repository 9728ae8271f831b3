//! The loaded libraries whose code counts references without being CPython's: extension modules.

use std::ffi::{CStr, c_int, c_void};
use std::ops::Range;

use iced_x86::{Decoder, DecoderOptions, Mnemonic};

use crate::host;

/// A loaded extension module.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// The file, as the loader names it.
    pub path: String,
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
    // SAFETY: `note` has the callback's signature, and gets a pointer to the vector, as it expects.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut all).cast()) };
    let own = extensions as *const () as usize;
    all.retain(|library| {
        !library.path.contains(STANDARD)
            && !library.is_code(own)
            && !library
                .code
                .iter()
                .any(|range| interpreter.contains(&range.start))
    });
    all
}

unsafe extern "C" fn note(info: *mut libc::dl_phdr_info, _size: usize, all: *mut c_void) -> c_int {
    // SAFETY: the loader passes its own entry with `dlpi_phnum` headers, and `all` is the vector of `extensions`.
    let (info, all) = unsafe { (&*info, &mut *all.cast::<Vec<Library>>()) };
    // SAFETY: as above.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let base = info.dlpi_addr as usize;
    let range = |header: &libc::Elf64_Phdr| {
        let start = base + header.p_vaddr as usize;
        start..start + header.p_memsz as usize
    };
    let mut library = Library {
        base,
        ..Library::default()
    };
    let mut dynamic = None;
    for header in headers {
        match header.p_type {
            libc::PT_LOAD => {
                if header.p_flags & libc::PF_X != 0 {
                    library.code.push(range(header));
                }
                if header.p_flags & libc::PF_R != 0 {
                    library.readable.push(range(header));
                }
            }
            libc::PT_DYNAMIC => dynamic = Some(range(header)),
            libc::PT_GNU_EH_FRAME => library.unwinding = Some(range(header)),
            _ => {}
        }
    }
    // SAFETY: the loader has read this table. The name is a C string, or null.
    let imports = dynamic.is_some_and(|table| unsafe { imports_python(base, &table) });
    if imports && !info.dlpi_name.is_null() {
        // SAFETY: as above.
        let name = unsafe { CStr::from_ptr(info.dlpi_name) };
        library.path = name.to_string_lossy().into_owned();
        all.push(library);
    }
    0
}

const NULL: usize = 0;
const PLT_BYTES: usize = 2;
const STRINGS: usize = 5;
const SYMBOLS: usize = 6;
const RELOCATIONS: usize = 7;
const RELOCATION_BYTES: usize = 8;
const PLT: usize = 23;

/// Whether a relocation names an undefined symbol of CPython.
///
/// # Safety
/// `table` is the dynamic table of a loaded library.
unsafe fn imports_python(base: usize, table: &Range<usize>) -> bool {
    let mut found = [0; PLT + 1];
    for at in table.clone().step_by(16) {
        // SAFETY: the table consists of pairs of words.
        let [tag, value] = unsafe { *(at as *const [usize; 2]) };
        match tag {
            NULL => break,
            PLT_BYTES | STRINGS | SYMBOLS | RELOCATIONS | RELOCATION_BYTES | PLT => {
                found[tag] = value;
            }
            _ => {}
        }
    }
    // The loader adds the base to these addresses in some libraries, and leaves them in others.
    let place = |tag: usize| match found[tag] {
        0 => 0,
        address if address < base => address + base,
        address => address,
    };
    if place(SYMBOLS) == 0 || place(STRINGS) == 0 {
        return false;
    }
    [(PLT, PLT_BYTES), (RELOCATIONS, RELOCATION_BYTES)]
        .into_iter()
        .filter(|&(start, _)| place(start) != 0)
        .flat_map(|(start, bytes)| (place(start)..place(start) + found[bytes]).step_by(24))
        .any(|at| {
            // SAFETY: the loader has applied this relocation, whose symbol lies in the library's table.
            unsafe {
                let symbol = (*((at + 8) as *const u64) >> 32) as usize;
                let entry = &*(place(SYMBOLS) as *const libc::Elf64_Sym).add(symbol);
                let name = (place(STRINGS) + entry.st_name as usize) as *const [u8; 3];
                symbol != 0
                    && entry.st_shndx == 0
                    && (name.cast::<[u8; 2]>().read() == *b"Py" || name.read() == *b"_Py")
            }
        })
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
