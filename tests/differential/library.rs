//! A library opened with RTLD_LOCAL: the other library cannot see its symbols.

use std::ffi::{CStr, CString};

use crate::memory;

macro_rules! symbols {
    ($($name:ident)*) => {
        /// A function that may be called.
        #[allow(non_camel_case_types, reason = "the names are CPython's")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Symbol { $($name),* }

        impl Symbol {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

symbols! {
    Py_IncRef Py_DecRef _Py_IncRef _Py_DecRef Py_NewRef Py_XNewRef Py_Is _Py_SetRefcnt
    Py_REFCNT Py_TYPE Py_SIZE Py_IS_TYPE Py_SET_SIZE
    PyUnstable_IsImmortal PyUnstable_TryIncRef PyUnstable_EnableTryIncRef PyUnstable_SetImmortal
    PyUnstable_Object_IsUniquelyReferenced _Py_SetImmortal _Py_SetImmortalUntracked
    _Py_NewReference _Py_NewReferenceNoTotal _Py_ResurrectReference PyObject_Init PyObject_InitVar
    _Py_Dealloc PyObject_CallFinalizer PyObject_CallFinalizerFromDealloc _Py_ForgetReference
    _PyTrash_begin _PyTrash_end _PyTrash_cond _PyTrash_deposit_object _PyTrash_destroy_chain
    _PyTrash_thread_deposit_object _PyTrash_thread_destroy_chain
    PyTraceMalloc_Track PyTraceMalloc_Untrack PyRefTracer_SetTracer PyRefTracer_GetTracer
    _Py_NegativeRefcount _Py_GetRefTotal _Py_GetGlobalRefTotal _Py_GetLegacyRefTotal
    _PyInterpreterState_GetRefTotal _Py_INCREF_IncRefTotal _Py_DECREF_DecRefTotal
    _Py_IncRefTotal _Py_DecRefTotal
    _Py_PrintReferenceAddresses
    _Py_DecRefShared _Py_DecRefSharedDebug _Py_MergeZeroLocalRefcount
    pyrefcore_merge_queued pyrefcore_flavour pyrefcore_watch pyrefcore_unwatch pyrefcore_births pyrefcore_deaths pyrefcore_gc_track pyrefcore_gc_untrack
    pyrefcore_trace_start pyrefcore_trace_stop
    Py_InitializeEx Py_GetVersion PyThreadState_Get PyInterpreterState_Get PyObject_GC_Track PyObject_GC_UnTrack
    PyType_Ready PyRun_SimpleString PySys_GetObject PyTuple_New PyTuple_SetItem PyLong_FromLong PyObject_Call
    PyList_Size PyList_GetItem PyGC_Disable PyEval_SaveThread PyEval_RestoreThread PyGILState_Ensure
    PyGILState_Release Py_CompileString PyEval_EvalCode PyDict_New
}

/// An open library and the addresses of its functions; 0 for a function that it lacks.
#[derive(Debug)]
pub(crate) struct Library {
    handle: usize,
    functions: Vec<usize>,
}

impl Library {
    /// Opens a library without making its names global. The error says why it can't be opened.
    pub(crate) fn open(path: &str) -> Result<Self, String> {
        let file = CString::new(path).map_err(|_| "a path has no zero in it".to_owned())?;
        // SAFETY: the name is a C string, and the constructors of the two libraries may run at any time.
        let handle = unsafe { libc::dlopen(file.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            // SAFETY: dlopen has just failed, so there is a message.
            let reason = unsafe { CStr::from_ptr(libc::dlerror()) };
            return Err(format!(
                "{path} can't be opened: {}",
                reason.to_string_lossy()
            ));
        }
        let mut library = Self {
            handle: handle as usize,
            functions: Vec::new(),
        };
        let found = |symbol: &Symbol| library.address(symbol.name());
        library.functions = Symbol::ALL.iter().map(found).collect();
        Ok(library)
    }

    /// The address of a symbol of the library itself, or zero.
    pub(crate) fn address(&self, name: &str) -> usize {
        let name = CString::new(name).expect("a name has no zero in it");
        // SAFETY: the handle stays open, and the name is a C string.
        unsafe { libc::dlsym(self.handle as *mut _, name.as_ptr()) as usize }
    }

    pub(crate) fn has(&self, symbol: Symbol) -> bool {
        self.functions[symbol as usize] != 0
    }

    /// Calls a function with four words, the most that any function takes. It ignores the words that it does not take.
    pub(crate) fn call(&self, symbol: Symbol, words: &[usize]) -> usize {
        let function = self.functions[symbol as usize];
        assert!(function != 0, "there is no {}", symbol.name());
        let word = |n: usize| words.get(n).copied().unwrap_or(0);
        memory::call(function, [word(0), word(1), word(2), word(3)])
    }
}
