//! Asks the loader about addresses, symbols and libraries.

use std::ffi::{CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr::null_mut;

use crate::host::libraries;

/// The first fields of the loader's public `struct link_map`.
#[derive(Debug)]
#[repr(C)]
pub(super) struct LinkMap {
    base: usize,
    /// The path it was loaded from; empty for the program itself.
    pub(super) name: *const c_char,
    dynamic: *const Dynamic,
}

/// An entry of a dynamic section: `Elf64_Dyn`.
#[derive(Debug)]
#[repr(C)]
struct Dynamic {
    tag: usize,
    value: usize,
}
/// The tag that ends the section, and the tags that this file looks for.
const DT_NULL: usize = 0;
const DT_SYMTAB: usize = 6;
const DT_RELA: usize = 7;
const DT_RELASZ: usize = 8;
/// The relocation types of x86-64 and AArch64 that copy a library's variable into the program.
const COPIES: [u64; 2] = [5, 1024];

/// A relocation: `Elf64_Rela`.
#[derive(Debug)]
#[repr(C)]
struct Relocation {
    offset: usize,
    info: u64,
    addend: i64,
}

impl LinkMap {
    /// The value of a tag of the dynamic section, or 0. The loader has replaced offsets by addresses.
    fn dynamic(&self, tag: usize) -> usize {
        let mut entry = self.dynamic;
        // SAFETY: the section ends with DT_NULL, and stays mapped as long as the library does.
        unsafe {
            while (*entry).tag != DT_NULL {
                if (*entry).tag == tag {
                    return (*entry).value;
                }
                entry = entry.add(1);
            }
        }
        0
    }
}

/// The variable that a library uses by the name that it defines at `own`. That is another library's variable, if the
/// loader has bound the name to it; otherwise the one at `own`.
pub(super) fn bound(own: *mut c_void) -> *mut c_void {
    let (Some(map), Some(symbol)) = (link_map_of(own), symbol_of(own)) else {
        return own;
    };
    let (table, count) = (
        map.dynamic(DT_RELA),
        map.dynamic(DT_RELASZ) / size_of::<Relocation>(),
    );
    if table == 0 {
        return own;
    }
    let offset = std::ptr::from_ref(symbol) as usize - map.dynamic(DT_SYMTAB);
    let index = (offset / size_of::<libc::Elf64_Sym>()) as u64;
    // SAFETY: the section gives the address and the size of this table, which stays mapped.
    let relocations = unsafe { std::slice::from_raw_parts(table as *const Relocation, count) };
    let slot = relocations
        .iter()
        .find(|entry| entry.info >> 32 == index && !COPIES.contains(&(entry.info & 0xFFFF_FFFF)));
    // SAFETY: the loader has written the variable's address there before it called anything.
    slot.map_or(own, |slot| unsafe {
        *((map.base + slot.offset) as *const *mut c_void)
    })
}

const RTLD_DL_SYMENT: c_int = 1;
const RTLD_DL_LINKMAP: c_int = 2;

unsafe extern "C" {
    fn dladdr1(
        address: *const c_void,
        info: *mut libc::Dl_info,
        extra: *mut *mut c_void,
        flags: c_int,
    ) -> c_int;
}

/// The program or library that holds an address.
pub(super) fn link_map_of(address: *const c_void) -> Option<&'static LinkMap> {
    // SAFETY: with this flag the extra is a link map. It stays valid, because the libraries in question are never
    // unloaded.
    unsafe { extra(address, RTLD_DL_LINKMAP)?.cast::<LinkMap>().as_ref() }
}

/// The symbol table entry of the symbol at an address.
pub(super) fn symbol_of(address: *const c_void) -> Option<&'static libc::Elf64_Sym> {
    // SAFETY: with this flag the extra is an entry of a symbol table. It stays valid, because the libraries in question
    // are never unloaded.
    unsafe {
        extra(address, RTLD_DL_SYMENT)?
            .cast::<libc::Elf64_Sym>()
            .as_ref()
    }
}

fn extra(address: *const c_void, flags: c_int) -> Option<*mut c_void> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    let mut extra = null_mut();
    // SAFETY: glibc's function accepts any address, and writes only to these two places.
    let known = unsafe { dladdr1(address, info.as_mut_ptr(), &mut extra, flags) };
    (known != 0 && !extra.is_null()).then_some(extra)
}

/// The names of all libraries that are loaded.
pub(super) fn names() -> Vec<CString> {
    let mut names = Vec::new();
    libraries::visit(|library| names.push(CString::from(library.name)));
    names.retain(|name| !name.is_empty());
    names
}

/// The address range of the program or library that holds `address`; empty if none does.
pub(super) fn range_of(address: *const c_void) -> Range<usize> {
    let mut found = 0..0;
    libraries::visit(|library| {
        let segments = library.segments(0).map(|header| library.place(header));
        let whole = segments.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        if let Some(whole) = whole.filter(|whole| whole.contains(&(address as usize))) {
            found = whole;
        }
    });
    found
}

/// The address range of the program itself.
pub(super) fn program() -> Range<usize> {
    // SAFETY: getauxval accepts any number. The kernel gives the address of the program's own headers.
    range_of(unsafe { libc::getauxval(libc::AT_PHDR) } as *const c_void)
}
