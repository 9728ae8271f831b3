//! Looks up functions and source lines of return addresses.

/// One frame of a C call stack. An unknown field is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The return address.
    pub address: usize,
    /// The function's name, demangled.
    pub function: Option<String>,
    /// The source file, where there is debug information.
    pub file: Option<String>,
    /// The line in `file`.
    pub line: Option<u32>,
    /// The program or shared library that holds the code.
    pub library: Option<String>,
    /// Bytes from the library's start.
    pub offset: Option<usize>,
}

/// So many bytes in front of a return address lies the code that is looked up: one here, and one in `backtrace`. Every
/// call is longer.
pub(crate) const BEHIND: usize = 2;

/// Looks up at most `limit` frames of a stack. This library's own frames on top are left out. An inlined function has a
/// frame too, before the frame of the function that contains it.
#[must_use]
pub fn resolve(stack: &[usize], limit: usize) -> Vec<Frame> {
    let frames = stack.iter().flat_map(|&address| look_up(address));
    frames.skip_while(Frame::is_own).take(limit).collect()
}

/// The frames at one return address, innermost first: at least one.
fn look_up(address: usize) -> Vec<Frame> {
    let (library, offset) = place_of(address).unzip();
    let unknown = Frame {
        address,
        library,
        offset,
        ..Frame::default()
    };
    let mut frames = Vec::new();
    let note = |symbol: &backtrace::Symbol| {
        frames.push(Frame {
            function: symbol.name().map(|name| shown(&name)),
            file: symbol.filename().map(|file| file.display().to_string()),
            line: symbol.lineno(),
            ..unknown.clone()
        });
    };
    {
        let _alone = super::stacks::lock();
        // A return address may already belong to the next line or function; the call is in front of it.
        // SAFETY: the lock is held. This library uses `backtrace` only under that lock.
        unsafe { backtrace::resolve_unsynchronized((address - 1) as *mut _, note) };
    }
    if frames.is_empty() {
        frames.push(unknown);
    }
    frames
}

/// A function's name, demangled if it is a name of C++ or Rust. The demangler would take the C function `i` for `int`.
fn shown(name: &backtrace::SymbolName<'_>) -> String {
    let raw = String::from_utf8_lossy(name.as_bytes());
    if raw.starts_with("_Z") || raw.starts_with("_R") {
        format!("{name:#}")
    } else {
        raw.into_owned()
    }
}

/// The program or shared library that holds an address, and the bytes from its start.
fn place_of(address: usize) -> Option<(String, usize)> {
    let mut found = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `found` is a valid place to write to, and zeroes are a valid value of it; the loader's
    // file names are C strings that live as long as the library is loaded.
    unsafe {
        if libc::dladdr(address as *const _, found.as_mut_ptr()) == 0 {
            return None;
        }
        let found = found.assume_init();
        if found.dli_fname.is_null() {
            return None;
        }
        let name = std::ffi::CStr::from_ptr(found.dli_fname).to_string_lossy();
        Some((name.into_owned(), address - found.dli_fbase as usize))
    }
}

impl Frame {
    /// Whether this is a function of this library or of the `backtrace` crate. Several tests are needed: debug
    /// information may give bare names, and a program may contain this library.
    fn is_own(&self) -> bool {
        let library = self
            .library
            .as_deref()
            .and_then(|path| path.rsplit('/').next());
        let file = self.file.as_deref().unwrap_or("");
        let function = self
            .function
            .as_deref()
            .unwrap_or("")
            .trim_start_matches('<');
        library.is_some_and(|name| name.starts_with("libpyrefcore"))
            || file.starts_with(concat!(env!("CARGO_MANIFEST_DIR"), "/src/"))
            || file.contains("/backtrace-")
            || ["pyrefcore", "backtrace::"]
                .iter()
                .any(|own| function.starts_with(own))
            || OWN_EXPORTS.contains(&function)
    }
}

/// Exported functions that capture a stack.
const OWN_EXPORTS: [&str; 6] = [
    "_Py_NewReference",
    "_Py_NewReferenceNoTotal",
    "PyObject_Init",
    "PyObject_InitVar",
    "PyTraceMalloc_Track",
    "_PyTraceMalloc_NewReference",
];

impl std::fmt::Display for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.function {
            Some(function) => write!(f, "{function}")?,
            None => write!(f, "{:#x}", self.address)?,
        }
        match (&self.file, self.line, &self.library, self.offset) {
            (Some(file), Some(line), ..) => write!(f, " at {file}:{line}"),
            (_, _, Some(library), Some(offset)) => write!(f, " in {library}+{offset:#x}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_shows_its_known_fields() {
        let mut frame = Frame {
            address: 0x10,
            ..Frame::default()
        };
        assert_eq!(frame.to_string(), "0x10");
        frame.library = Some("lib.so".into());
        frame.offset = Some(0x20);
        assert_eq!(frame.to_string(), "0x10 in lib.so+0x20");
        frame.function = Some("f".into());
        frame.file = Some("f.c".into());
        frame.line = Some(3);
        assert_eq!(frame.to_string(), "f at f.c:3");
    }

    #[test]
    fn a_place_is_counted_from_the_start_of_its_library() {
        static WORDS: [u64; 2] = [0; 2];
        let [first, second] = [0, 1].map(|at| &raw const WORDS[at] as usize);
        let place = |address| place_of(address).expect("in this program");
        assert_eq!(place(second).1, place(first).1 + 8);
        assert_eq!(place(second).0, place(first).0);
    }

    #[test]
    fn an_unknown_address_stays_a_number() {
        assert_eq!(
            resolve(&[0x10], 8),
            [Frame {
                address: 0x10,
                ..Frame::default()
            }]
        );
    }

    #[test]
    fn only_names_of_other_languages_are_demangled() {
        let told = |name: &'static str| shown(&backtrace::SymbolName::new(name.as_bytes()));
        for name in ["i", "d", "re", "leak", "_ZN"] {
            assert_eq!(told(name), name);
        }
        assert_eq!(told("_ZN3one4leakEv"), "one::leak()");
        assert_eq!(told("_ZN4rust4leak17h0123456789abcdefE"), "rust::leak");
    }
}
