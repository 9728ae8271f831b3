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

    /// Whether there is such a symbol. Ours does not count: a lookup through the program searches all loaded libraries.
    pub(super) fn has(&self, name: &CStr) -> bool {
        let found = self.symbol(name);
        !found.is_null() && !is_ours(found)
    }

    /// A function, or `None` if there is no function of that name but ours.
    ///
    /// # Safety
    /// `F` is a function pointer that fits the named function, or a union of such types.
    pub(super) unsafe fn function<F: Copy>(&self, name: &CStr) -> Option<F> {
        const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
        let found = self.symbol(name);
        // SAFETY: the caller promises the type, and the sizes are equal.
        (!found.is_null() && !is_ours(found)).then(|| unsafe { std::mem::transmute_copy(&found) })
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
    // SAFETY: the fields of `Interpreter` have the types of CPython's functions of their names.
    unsafe {
        Interpreter {
            _Py_NewReference: library.function(c"_Py_NewReference"),
            _Py_NewReferenceNoTotal: library.function(c"_Py_NewReferenceNoTotal"),
            _Py_ResurrectReference: library.function(c"_Py_ResurrectReference"),
            _Py_ForgetReference: library.function(c"_Py_ForgetReference"),
            _Py_AddToAllObjects: library.function(c"_Py_AddToAllObjects"),
            _Py_PrintReferences: library.function(c"_Py_PrintReferences"),
            _Py_PrintReferenceAddresses: library.function(c"_Py_PrintReferenceAddresses"),
            _Py_Dealloc: library.function(c"_Py_Dealloc"),
            PyObject_Init: library.function(c"PyObject_Init"),
            _PyObject_New: library.function(c"_PyObject_New"),
            _PyObject_NewVar: library.function(c"_PyObject_NewVar"),
            Py_IsNone: library.function(c"Py_IsNone"),
            Py_IsTrue: library.function(c"Py_IsTrue"),
            Py_IsFalse: library.function(c"Py_IsFalse"),
            PyObject_CallFinalizer: library.function(c"PyObject_CallFinalizer"),
            PyObject_CallFinalizerFromDealloc: library
                .function(c"PyObject_CallFinalizerFromDealloc"),
            _Py_SetImmortal: library.function(c"_Py_SetImmortal"),
            PyUnstable_SetImmortal: library.function(c"PyUnstable_SetImmortal"),
            PyUnstable_Object_IsUniqueReferencedTemporary: library
                .function(c"PyUnstable_Object_IsUniqueReferencedTemporary"),
            PyUnstable_Object_ClearWeakRefsNoCallbacks: library
                .function(c"PyUnstable_Object_ClearWeakRefsNoCallbacks"),
            _PyObject_AssertFailed: library.function(c"_PyObject_AssertFailed"),
            _Py_DecRefSharedDebug: library.function(c"_Py_DecRefSharedDebug"),
            _Py_GetThreadLocal_Addr: library.function(c"_Py_GetThreadLocal_Addr"),
            PyUnstable_Object_EnableDeferredRefcount: library
                .function(c"PyUnstable_Object_EnableDeferredRefcount"),
            _Py_INCREF_IncRefTotal: library.function(c"_Py_INCREF_IncRefTotal"),
            _Py_DECREF_DecRefTotal: library.function(c"_Py_DECREF_DecRefTotal"),
            _PyDebug_PrintTotalRefs: library.function(c"_PyDebug_PrintTotalRefs"),
            _Py_GetRefTotal: library.function(c"_Py_GetRefTotal"),
            _Py_GetGlobalRefTotal: library.function(c"_Py_GetGlobalRefTotal"),
            _PyInterpreterState_GetRefTotal: library.function(c"_PyInterpreterState_GetRefTotal"),
            _Py_IncRefTotal: library.function(c"_Py_IncRefTotal"),
            _Py_DecRefTotal: library.function(c"_Py_DecRefTotal"),
            _PyTraceMalloc_NewReference: library.function(c"_PyTraceMalloc_NewReference"),
            _PyTraceMalloc_GetTraceback: library.function(c"_PyTraceMalloc_GetTraceback"),
            PyTraceMalloc_Track: library.function(c"PyTraceMalloc_Track"),
            PyTraceMalloc_Untrack: library.function(c"PyTraceMalloc_Untrack"),
            PyRefTracer_SetTracer: library.function(c"PyRefTracer_SetTracer"),
            PyRefTracer_GetTracer: library.function(c"PyRefTracer_GetTracer"),
            _PyTrash_begin: library.function(c"_PyTrash_begin"),
            _PyTrash_end: library.function(c"_PyTrash_end"),
            _PyTrash_deposit_object: library.function(c"_PyTrash_deposit_object"),
            _PyTrash_destroy_chain: library.function(c"_PyTrash_destroy_chain"),
            _PyTrash_thread_deposit_object: library.function(c"_PyTrash_thread_deposit_object"),
            _PyTrash_thread_deposit_object_3_13: library
                .function(c"_PyTrash_thread_deposit_object"),
            _PyTrash_thread_destroy_chain: library.function(c"_PyTrash_thread_destroy_chain"),
            _PyTrash_thread_destroy_chain_3_13: library.function(c"_PyTrash_thread_destroy_chain"),
        }
    }
}
