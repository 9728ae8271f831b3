//! The program and the libraries that the loader has loaded.

use std::ffi::{CStr, OsStr, c_int, c_void};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A loaded file.
#[derive(Clone, Copy, Debug)]
pub struct Library<'a> {
    /// Its name, as the loader has it; empty for the program itself.
    pub name: &'a CStr,
    /// The distance from the file's addresses to those in memory.
    pub base: usize,
    /// Its program headers.
    pub headers: &'a [libc::Elf64_Phdr],
    /// How often the loader has loaded a library so far.
    pub loads: u64,
}

impl Library<'_> {
    /// Where its file can be opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self.name.to_bytes() {
            b"" => Path::new("/proc/self/exe"),
            name => Path::new(OsStr::from_bytes(name)),
        }
    }

    /// Where the part of a header lies in memory.
    #[must_use]
    pub fn place(&self, header: &libc::Elf64_Phdr) -> Range<usize> {
        let start = self.base + header.p_vaddr as usize;
        start..start + header.p_memsz as usize
    }

    /// The segments that have all these rights (`PF_R`, `PF_W`, `PF_X`).
    pub fn segments(&self, rights: u32) -> impl Iterator<Item = &libc::Elf64_Phdr> {
        let loaded = self
            .headers
            .iter()
            .filter(|one| one.p_type == libc::PT_LOAD);
        loaded.filter(move |one| one.p_flags & rights == rights)
    }
}

/// How often the loader has loaded or unloaded a library so far.
#[must_use]
pub fn changes() -> u64 {
    unsafe extern "C" fn count(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        changes: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader passes its own entry, and `changes` is the argument of the function around this one.
        unsafe { *changes.cast::<u64>() = (*info).dlpi_adds + (*info).dlpi_subs };
        // One entry is enough.
        1
    }
    let mut changes = 0_u64;
    // SAFETY: `count` has the callback's signature, and gets the pointer that it expects.
    unsafe { libc::dl_iterate_phdr(Some(count), (&raw mut changes).cast()) };
    changes
}

/// Calls `visit` with the program, and with each library that is loaded. Meanwhile none is loaded or unloaded.
pub fn visit<F: FnMut(Library<'_>)>(mut visit: F) {
    unsafe extern "C" fn note<F: FnMut(Library<'_>)>(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        visit: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader passes its own entry, with a name and `dlpi_phnum` headers. `visit` is the argument of
        // the function around this one.
        unsafe {
            let (info, visit) = (&*info, &mut *visit.cast::<F>());
            visit(Library {
                name: CStr::from_ptr(info.dlpi_name),
                base: info.dlpi_addr as usize,
                headers: std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()),
                loads: info.dlpi_adds,
            });
        }
        0
    }
    // SAFETY: `note` has the callback's signature, and gets the pointer that it expects.
    unsafe { libc::dl_iterate_phdr(Some(note::<F>), (&raw mut visit).cast()) };
}
