//! Which memory of this process can be read, and where static data lies.

use std::cell::{Cell, OnceCell};
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use crate::host::{self, libraries, reserve};

/// The kernel's list of mappings.
const MAPS: &str = "/proc/self/maps";
/// The list of most processes is shorter, in bytes.
const USUAL: usize = 1 << 16;

/// The layout of the process's memory. It stays true while the host's lock is held and no library is loaded or
/// unloaded.
#[derive(Debug, Default)]
pub struct Memory {
    mapped: OnceCell<Mapped>,
    loaded: OnceCell<Loaded>,
    /// The number of questions that were answered without the list.
    asked: Cell<usize>,
}

/// The kernel's list of mappings.
#[derive(Debug, Default)]
struct Mapped {
    readable: Vec<Range<usize>>,
    /// Executable memory.
    code: Vec<Range<usize>>,
}

/// What the loader has loaded.
#[derive(Debug, Default)]
struct Loaded {
    /// The writable segments of the program and of the libraries.
    statics: Vec<Range<usize>>,
    /// How often the loader has loaded a library.
    libraries: u64,
}

/// The list takes the time of several hundred questions to the kernel.
const MOST_ASKED: usize = 100;

impl Memory {
    /// Reads the kernel's list. `None` if the list can't be read; `why_not` says why.
    pub fn look() -> Option<Self> {
        let mapped = OnceCell::from(Mapped::read()?);
        Some(Self {
            mapped,
            ..Self::default()
        })
    }

    /// Reads the kernel's list only after many questions. If it can't be read then, the running work must give up.
    pub(in crate::audit) fn later() -> Self {
        Self::default()
    }

    /// Whether all `bytes` bytes from `address` on can be read.
    pub fn is_readable(&self, address: usize, bytes: usize) -> bool {
        let asked = self.asked.get();
        if self.mapped.get().is_none() && asked < MOST_ASKED {
            self.asked.set(asked + 1);
            return host::is_readable(address, bytes);
        }
        address
            .checked_add(bytes)
            .is_some_and(|end| holds(&self.mapped().readable, address, end))
    }

    /// Whether code lies at `address`.
    pub(in crate::audit) fn is_code(&self, address: usize) -> bool {
        holds(&self.mapped().code, address, address.saturating_add(1))
    }

    /// How often the loader had loaded a library when this was read.
    pub(in crate::audit) fn libraries(&self) -> u64 {
        self.loaded().libraries
    }

    /// Whether `bytes` bytes from `address` on are static data of the program or of a library.
    pub(in crate::audit) fn is_static(&self, address: usize, bytes: usize) -> bool {
        address
            .checked_add(bytes)
            .is_some_and(|end| holds(&self.loaded().statics, address, end))
    }

    fn mapped(&self) -> &Mapped {
        self.mapped.get_or_init(|| {
            Mapped::read().unwrap_or_else(|| {
                reserve::falls_short();
                Mapped::default()
            })
        })
    }

    fn loaded(&self) -> &Loaded {
        self.loaded.get_or_init(Loaded::ask)
    }
}

impl Mapped {
    fn read() -> Option<Self> {
        let mut maps = Vec::with_capacity(USUAL);
        File::open(MAPS).ok()?.read_to_end(&mut maps).ok()?;
        Some(Self::parse(&maps))
    }

    /// The mappings of the kernel's list. Adjacent ones are joined.
    fn parse(maps: &[u8]) -> Self {
        let mut mapped = Self::default();
        for (range, rights) in maps.split(|&byte| byte == b'\n').filter_map(parse) {
            if rights.starts_with(b"r") {
                join(&mut mapped.readable, &range);
            }
            if rights.get(2) == Some(&b'x') {
                join(&mut mapped.code, &range);
            }
        }
        mapped
    }
}

impl Loaded {
    fn ask() -> Self {
        let mut loaded = Self::default();
        libraries::visit(|library| {
            let writable = library.segments(libc::PF_W);
            loaded
                .statics
                .extend(writable.map(|header| library.place(header)));
            loaded.libraries = library.loads;
        });
        loaded.statics.sort_by_key(|range| range.start);
        loaded
    }
}

/// The reason why [`Memory::look`] would fail.
pub(in crate::audit) fn why_not() -> Result<(), &'static CStr> {
    match File::open(MAPS) {
        Ok(_) => Ok(()),
        Err(error) if has_no_descriptor(&error) => Err(NO_DESCRIPTOR),
        Err(_) => Err(c"/proc/self/maps can't be read"),
    }
}

const NO_DESCRIPTOR: &CStr =
    c"this process has no free file descriptor, and the audit needs one to read /proc/self/maps";

/// Whether a file was not opened because the limit of open files is reached.
pub(in crate::audit) fn has_no_descriptor(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Whether one of the sorted ranges contains all bytes from `start` to `end`.
fn holds(ranges: &[Range<usize>], start: usize, end: usize) -> bool {
    let behind = ranges.partition_point(|range| range.start <= start);
    behind > 0 && end <= ranges[behind - 1].end
}

/// Adds a range behind all others.
fn join(ranges: &mut Vec<Range<usize>>, range: &Range<usize>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range.clone()),
    }
}

/// One line, such as `7f00-8000 rw-p …`: the range, and the rest. The first letter of the rest means readable, the third
/// executable. The name of a mapped file may have any bytes.
fn parse(line: &[u8]) -> Option<(Range<usize>, &[u8])> {
    let (start, line) = address(line, b'-')?;
    let (end, rest) = address(line, b' ')?;
    // The kernel's time page can't be copied on every system.
    (!rest.ends_with(b"[vvar]")).then_some((start..end, rest))
}

/// The address in hexadecimal digits in front of `end`, and what follows.
fn address(text: &[u8], end: u8) -> Option<(usize, &[u8])> {
    let digits = text.iter().position(|&byte| byte == end)?;
    let mut address = 0_usize;
    for &digit in &text[..digits] {
        address = address << 4 | char::from(digit).to_digit(16)? as usize;
    }
    Some((address, &text[digits + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::fs;
    use std::os::fd::AsRawFd;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn mapped_memory_and_code_are_known() {
        static WORD: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);
        let memory = Memory::look().expect("the list is readable");
        let (on_stack, on_heap) = (0_u64, Box::new(0_u64));
        for address in [
            (&raw const on_stack) as usize,
            (&raw const *on_heap) as usize,
        ] {
            assert!(memory.is_readable(address, 8));
            assert!(Memory::later().is_readable(address, 8));
            assert!(!memory.is_static(address, 8));
            assert!(!memory.is_code(address));
        }
        assert!(memory.is_code(mapped_memory_and_code_are_known as *const () as usize));
        assert!(!memory.is_code(&raw const WORD as usize));
        assert!(memory.is_static(&raw const WORD as usize, 8));
        assert!(memory.is_readable(&raw const WORD as usize, 8));
    }

    #[test]
    fn adjacent_mappings_are_one_range() {
        let maps = b"1000-2000 r--p 0 0:0 0\n2000-3000 rw-p 0 0:0 0\n3000-4000 ---p 0 0:0 0\n5000-6000 r-xp 0 0:0 0";
        let memory = Mapped::parse(maps);
        assert_eq!(memory.readable, [0x1000..0x3000, 0x5000..0x6000]);
        assert_eq!(memory.code.first(), Some(&(0x5000..0x6000)));
    }

    #[test]
    fn a_mapped_file_may_have_any_name() {
        let mut path = std::env::temp_dir().into_os_string().into_vec();
        path.extend(b"/pyrefcore-\xC0\x80-");
        path.extend(std::process::id().to_string().bytes());
        let path = OsString::from_vec(path);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path);
        let file = file.expect("a temporary file");
        file.set_len(4096).expect("room for a page");
        // SAFETY: a new mapping, which is not read.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                4096,
                libc::PROT_READ,
                libc::MAP_PRIVATE,
                file.as_raw_fd(),
                0,
            )
        };
        let is_readable = Memory::look()
            .expect("the list is readable")
            .is_readable(page as usize, 4096);
        // SAFETY: it was mapped above.
        unsafe { libc::munmap(page, 4096) };
        fs::remove_file(&path).expect("the file is still there");
        assert!(is_readable);
    }

    #[test]
    fn unmapped_memory_is_known() {
        let memory = Memory::look().expect("the list is readable");
        for (address, bytes) in [
            (0, 1),
            (8, 8),
            (usize::MAX, 1),
            (usize::MAX - 3, 8),
            (1 << 63, 1),
        ] {
            assert!(!memory.is_readable(address, bytes), "{address:#x}");
            assert!(!Memory::later().is_readable(address, bytes), "{address:#x}");
            assert!(!memory.is_static(address, bytes), "{address:#x}");
        }
    }
}
