//! Finds the host's own definitions of the functions that we export.

use std::ffi::{CStr, c_void};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr::null;
use std::sync::OnceLock;

use super::loader;
use crate::host::Interpreter;

/// The library, or the program, that holds the host's CPython.
#[derive(Debug)]
pub(super) struct Library {
    handle: *mut c_void,
}

// SAFETY: a handle may be used from any thread; the library is never unloaded.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

static PYTHON: OnceLock<Library> = OnceLock::new();

/// The host's CPython, once it was found.
pub(super) fn python() -> Option<&'static Library> {
    PYTHON.get()
}

/// Finds the CPython that this process was loaded with, or `None`.
pub(super) fn find_python() -> Option<&'static Library> {
    // SAFETY: dlsym takes a C string.
    let known = unsafe { libc::dlsym(libc::RTLD_DEFAULT, VERSION.as_ptr()) };
    if known.is_null() {
        return None;
    }
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr accepts any address, and `info` is read only if it was filled. The loader's names are C strings.
    unsafe {
        if libc::dladdr(known, info.as_mut_ptr()) == 0 {
            return None;
        }
        let name = CStr::from_ptr(info.assume_init().dli_fname);
        // The loader does not find the program by its name.
        keep(Library::open(Some(name)).or_else(|| Library::open(None)))
    }
}

/// Finds a CPython that was loaded later, in any of the loaded libraries.
pub(super) fn find_python_anywhere() -> Option<&'static Library> {
    let loaded = loader::names();
    keep(loaded.iter().find_map(|name| {
        let library = Library::open(Some(name))?;
        library.defines(VERSION).then_some(library)
    }))
}

const VERSION: &CStr = c"Py_GetVersion";

fn keep(library: Option<Library>) -> Option<&'static Library> {
    let library = library.filter(|library| library.has(c"_Py_Dealloc"))?;
    Some(PYTHON.get_or_init(|| library))
}

impl Library {
    /// A library that is loaded already, or the program.
    fn open(name: Option<&CStr>) -> Option<Self> {
        let name = name.map_or(null(), CStr::as_ptr);
        // SAFETY: dlopen accepts a C string or null, and loads nothing with this flag.
        let handle = unsafe { libc::dlopen(name, libc::RTLD_NOLOAD | libc::RTLD_NOW) };
        (!handle.is_null()).then_some(Self { handle })
    }

    /// Whether there is such a symbol in the library itself, and not in one that it needs.
    fn defines(&self, name: &CStr) -> bool {
        let found = loader::link_map_of(self.symbol(name));
        found.is_some_and(|map| std::ptr::from_ref(map).cast_mut().cast() == self.handle)
    }

    /// The address of a symbol, or null.
    pub(super) fn symbol(&self, name: &CStr) -> *mut c_void {
        // SAFETY: the handle is open.
        unsafe { libc::dlsym(self.handle, name.as_ptr()) }
    }

    /// The address of a symbol. Ours does not count: a lookup through the program searches all loaded libraries.
    fn own(&self, name: &CStr) -> Option<*mut c_void> {
        let found = self.symbol(name);
        (!found.is_null() && !is_ours(found)).then_some(found)
    }

    /// Whether there is such a symbol besides ours.
    pub(super) fn has(&self, name: &CStr) -> bool {
        self.own(name).is_some()
    }

    /// A function, or `None` if there is no function of that name but ours.
    ///
    /// # Safety
    /// `F` is a function pointer that fits the named function, or a union of such types.
    pub(super) unsafe fn function<F: Copy>(&self, name: &CStr) -> Option<F> {
        const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
        let found = self.own(name)?;
        // SAFETY: the caller promises the type, and the sizes are equal.
        Some(unsafe { std::mem::transmute_copy(&found) })
    }
}

/// Whether an address lies in this library.
pub(super) fn is_ours(address: *const c_void) -> bool {
    static OURS: OnceLock<Range<usize>> = OnceLock::new();
    OURS.get_or_init(|| loader::range_of(is_ours as *const c_void))
        .contains(&(address as usize))
}

/// Looks up all functions of [`Interpreter`].
pub(super) fn resolve(library: &Library) -> Interpreter {
    // SAFETY: the library holds the host's CPython, and ours do not count.
    unsafe { Interpreter::resolve(|name| library.own(name)) }
}
