//! What a return address stands for.

/// One frame of a C call stack. What is not known is absent.
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

/// Looks up the frames of a stack, without this library's own on top and at most `limit` of them.
#[must_use]
pub fn resolve(stack: &[usize], limit: usize) -> Vec<Frame> {
    let frames: Vec<Frame> = stack.iter().map(|&address| look_up(address)).collect();
    let own = frames.iter().take_while(|frame| frame.is_own()).count();
    frames.into_iter().skip(own).take(limit).collect()
}

fn look_up(address: usize) -> Frame {
    let mut frame = Frame {
        address,
        ..Frame::default()
    };
    // A return address may already belong to the next line or function; the call is before it.
    let note = |symbol: &backtrace::Symbol| {
        frame.function = symbol.name().map(|name| format!("{name:#}"));
        frame.file = symbol.filename().map(|file| file.display().to_string());
        frame.line = symbol.lineno();
    };
    {
        let _alone = super::stacks::lock();
        // SAFETY: the lock is held, as `stacks::capture` wants it.
        unsafe { backtrace::resolve_unsynchronized((address - 1) as *mut _, note) };
    }
    let mut found = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `found` is a valid place to write to, and zeroes are a valid value of it; the loader's
    // file names are C strings that live as long as the library is loaded.
    unsafe {
        if libc::dladdr(address as *const _, found.as_mut_ptr()) != 0 {
            let found = found.assume_init();
            if !found.dli_fname.is_null() {
                let name = std::ffi::CStr::from_ptr(found.dli_fname).to_string_lossy();
                frame.library = Some(name.into_owned());
                frame.offset = Some(address - found.dli_fbase as usize);
            }
        }
    }
    frame
}

impl Frame {
    /// Whether this is one of the library's own functions, or of those that take a stack for it. Debug
    /// information may give bare names, and a program that links the library statically holds it itself.
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

/// Exported functions under which a stack is taken.
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
    fn a_frame_says_what_is_known() {
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
    fn an_unknown_address_stays_a_number() {
        assert_eq!(
            resolve(&[0x10], 8),
            [Frame {
                address: 0x10,
                ..Frame::default()
            }]
        );
    }
}
