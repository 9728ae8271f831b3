use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::abi::{PyObject, PyTypeObject, PyVarObject};

type Object = *mut PyObject;
type TraceFunction = Option<unsafe extern "C" fn(Object, c_int, *mut c_void) -> c_int>;

/// The name of a function: that of its field, or the one behind `as`.
macro_rules! symbol {
    ($field:ident $symbol:ident) => {
        symbol!($symbol)
    };
    ($field:ident) => {
        const {
            match CStr::from_bytes_with_nul(concat!(stringify!($field), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => unreachable!(),
            }
        }
    };
}

macro_rules! host_functions {
    ($($(#[$comment:meta])* $field:ident $(as $symbol:ident)?: $type:ty,)*) => {
        /// The host's own definitions of the functions that this library exports.
        ///
        /// A field is `None` if the host's version does not export the function. The addresses come from the host's own
        /// library or program, because a global lookup finds ours first.
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs, reason = "each field is CPython's function of that name")]
        pub struct Interpreter {
            $($(#[$comment])* pub $field: Option<$type>,)*
        }

        impl Interpreter {
            /// Looks up every function by its name.
            ///
            /// # Safety
            /// `look_up` returns the address of CPython's function of that name, or `None`.
            pub unsafe fn resolve(look_up: impl Fn(&CStr) -> Option<*mut c_void>) -> Self {
                Self {
                    $($field: look_up(symbol!($field $($symbol)?)).map(|address| {
                        // SAFETY: the address is of this function, by the caller's promise, and the list has its type.
                        unsafe { std::mem::transmute::<*mut c_void, $type>(address) }
                    }),)*
                }
            }
        }
    };
}

host_functions! {
    _Py_NewReference: unsafe extern "C" fn(Object),
    _Py_NewReferenceNoTotal: unsafe extern "C" fn(Object),
    _Py_ResurrectReference: unsafe extern "C" fn(Object),
    _Py_ForgetReference: unsafe extern "C" fn(Object),
    /// Exported up to 3.8 only.
    _Py_AddToAllObjects: unsafe extern "C" fn(Object, c_int),
    /// Exported up to 3.8 only.
    _Py_PrintReferences: unsafe extern "C" fn(*mut libc::FILE),
    /// Exported up to 3.8 only.
    _Py_PrintReferenceAddresses: unsafe extern "C" fn(*mut libc::FILE),
    _Py_Dealloc: unsafe extern "C" fn(Object),
    PyObject_Init: unsafe extern "C" fn(Object, *mut PyTypeObject) -> Object,
    _PyObject_New: unsafe extern "C" fn(*mut PyTypeObject) -> Object,
    _PyObject_NewVar: unsafe extern "C" fn(*mut PyTypeObject, isize) -> *mut PyVarObject,
    Py_IsNone: unsafe extern "C" fn(Object) -> c_int,
    Py_IsTrue: unsafe extern "C" fn(Object) -> c_int,
    Py_IsFalse: unsafe extern "C" fn(Object) -> c_int,
    PyObject_CallFinalizer: unsafe extern "C" fn(Object),
    PyObject_CallFinalizerFromDealloc: unsafe extern "C" fn(Object) -> c_int,
    _Py_SetImmortal: unsafe extern "C" fn(Object),
    PyUnstable_SetImmortal: unsafe extern "C" fn(Object) -> c_int,
    PyUnstable_Object_IsUniqueReferencedTemporary: unsafe extern "C" fn(Object) -> c_int,
    PyUnstable_Object_ClearWeakRefsNoCallbacks: unsafe extern "C" fn(Object),
    _PyObject_AssertFailed: unsafe extern "C" fn(Object, *const c_char, *const c_char, *const c_char, c_int, *const c_char) -> !,
    _Py_DecRefSharedDebug: unsafe extern "C" fn(Object, *const c_char, c_int),
    _Py_GetThreadLocal_Addr: unsafe extern "C" fn() -> usize,
    PyUnstable_Object_EnableDeferredRefcount: unsafe extern "C" fn(Object) -> c_int,
    _Py_INCREF_IncRefTotal: unsafe extern "C" fn(),
    _Py_DECREF_DecRefTotal: unsafe extern "C" fn(),
    /// Exported up to 3.8 only.
    _PyDebug_PrintTotalRefs: unsafe extern "C" fn(),
    _Py_GetRefTotal: unsafe extern "C" fn() -> isize,
    _Py_GetGlobalRefTotal: unsafe extern "C" fn() -> isize,
    _PyInterpreterState_GetRefTotal: unsafe extern "C" fn(*mut c_void) -> isize,
    _Py_IncRefTotal: unsafe extern "C" fn(*mut c_void),
    _Py_DecRefTotal: unsafe extern "C" fn(*mut c_void),
    _PyTraceMalloc_NewReference: unsafe extern "C" fn(Object) -> c_int,
    _PyTraceMalloc_GetTraceback: unsafe extern "C" fn(c_uint, usize) -> Object,
    PyTraceMalloc_Track: unsafe extern "C" fn(c_uint, usize, usize) -> c_int,
    PyTraceMalloc_Untrack: unsafe extern "C" fn(c_uint, usize) -> c_int,
    PyRefTracer_SetTracer: unsafe extern "C" fn(TraceFunction, *mut c_void) -> c_int,
    PyRefTracer_GetTracer: unsafe extern "C" fn(*mut *mut c_void) -> TraceFunction,
    _PyTrash_begin: unsafe extern "C" fn(*mut c_void, Object) -> c_int,
    _PyTrash_end: unsafe extern "C" fn(*mut c_void),
    _PyTrash_deposit_object: unsafe extern "C" fn(Object),
    _PyTrash_destroy_chain: unsafe extern "C" fn(),
    /// Up to 3.10. From 3.13 on, the function of the next field has this name.
    _PyTrash_thread_deposit_object: unsafe extern "C" fn(Object),
    _PyTrash_thread_deposit_object_3_13 as _PyTrash_thread_deposit_object: unsafe extern "C" fn(*mut c_void, Object),
    /// Up to 3.10. From 3.13 on, the function of the next field has this name.
    _PyTrash_thread_destroy_chain: unsafe extern "C" fn(),
    _PyTrash_thread_destroy_chain_3_13 as _PyTrash_thread_destroy_chain: unsafe extern "C" fn(*mut c_void),
}

struct Originals(UnsafeCell<Interpreter>);

// SAFETY: written once, by `enter`, before the process has objects that two threads could share.
unsafe impl Sync for Originals {}

// SAFETY: every field is an optional function pointer, and all zeroes are `None`.
static ORIGINALS: Originals = Originals(UnsafeCell::new(unsafe { std::mem::zeroed() }));
static PRESENT: AtomicBool = AtomicBool::new(false);

/// The host's own functions; all `None` if there is no host.
#[inline]
#[must_use]
pub fn originals() -> &'static Interpreter {
    // SAFETY: no thread calls into this library while `enter` writes.
    unsafe { &*ORIGINALS.0.get() }
}

/// Whether this process runs a CPython.
#[inline]
#[must_use]
pub fn has_interpreter() -> bool {
    // Relaxed: set before the first object is born.
    PRESENT.load(Ordering::Relaxed)
}

static AWAITED: AtomicBool = AtomicBool::new(false);

/// Whether an interpreter may still be loaded. Until then the memory layout of objects is unknown.
#[inline]
#[must_use]
pub fn is_awaited() -> bool {
    // Relaxed: as in `has_interpreter`.
    AWAITED.load(Ordering::Relaxed)
}

/// Sets whether an interpreter may still be loaded.
pub fn await_interpreter(awaited: bool) {
    AWAITED.store(awaited, Ordering::Relaxed);
}

/// Stores the functions of the host. Called once, before this library sees an object.
///
/// # Safety
/// No other thread calls into this library meanwhile: the loader runs its constructors, or the host's lock is held.
pub unsafe fn enter(interpreter: Interpreter) {
    // SAFETY: the caller's promise: no other thread reads or writes the cell.
    unsafe { *ORIGINALS.0.get() = interpreter };
    PRESENT.store(true, Ordering::Relaxed);
}
