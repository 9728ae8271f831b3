use std::cell::UnsafeCell;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::abi::{PyObject, PyTypeObject, PyVarObject};

type Object = *mut PyObject;
type TraceFunction = Option<unsafe extern "C" fn(Object, c_int, *mut c_void) -> c_int>;

/// The host's own definitions of the functions that this library exports.
///
/// A field is `None` if the host's version does not export the function. The addresses come from the host's own library
/// or program, because a global lookup finds ours first.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each field is CPython's function of that name")]
pub struct Interpreter {
    pub _Py_NewReference: Option<unsafe extern "C" fn(Object)>,
    pub _Py_NewReferenceNoTotal: Option<unsafe extern "C" fn(Object)>,
    pub _Py_ResurrectReference: Option<unsafe extern "C" fn(Object)>,
    pub _Py_ForgetReference: Option<unsafe extern "C" fn(Object)>,
    /// Exported up to 3.8 only.
    pub _Py_AddToAllObjects: Option<unsafe extern "C" fn(Object, c_int)>,
    /// Exported up to 3.8 only.
    pub _Py_PrintReferences: Option<unsafe extern "C" fn(*mut libc::FILE)>,
    /// Exported up to 3.8 only.
    pub _Py_PrintReferenceAddresses: Option<unsafe extern "C" fn(*mut libc::FILE)>,
    pub _Py_Dealloc: Option<unsafe extern "C" fn(Object)>,
    pub PyObject_Init: Option<unsafe extern "C" fn(Object, *mut PyTypeObject) -> Object>,
    pub _PyObject_New: Option<unsafe extern "C" fn(*mut PyTypeObject) -> Object>,
    pub _PyObject_NewVar:
        Option<unsafe extern "C" fn(*mut PyTypeObject, isize) -> *mut PyVarObject>,
    pub Py_IsNone: Option<unsafe extern "C" fn(Object) -> c_int>,
    pub Py_IsTrue: Option<unsafe extern "C" fn(Object) -> c_int>,
    pub Py_IsFalse: Option<unsafe extern "C" fn(Object) -> c_int>,
    pub PyObject_CallFinalizer: Option<unsafe extern "C" fn(Object)>,
    pub PyObject_CallFinalizerFromDealloc: Option<unsafe extern "C" fn(Object) -> c_int>,
    pub _Py_SetImmortal: Option<unsafe extern "C" fn(Object)>,
    pub PyUnstable_SetImmortal: Option<unsafe extern "C" fn(Object) -> c_int>,
    pub PyUnstable_Object_IsUniqueReferencedTemporary:
        Option<unsafe extern "C" fn(Object) -> c_int>,
    pub PyUnstable_Object_ClearWeakRefsNoCallbacks: Option<unsafe extern "C" fn(Object)>,
    pub _PyObject_AssertFailed: Option<
        unsafe extern "C" fn(
            Object,
            *const c_char,
            *const c_char,
            *const c_char,
            c_int,
            *const c_char,
        ) -> !,
    >,
    pub _Py_DecRefSharedDebug: Option<unsafe extern "C" fn(Object, *const c_char, c_int)>,
    pub _Py_GetThreadLocal_Addr: Option<unsafe extern "C" fn() -> usize>,
    pub PyUnstable_Object_EnableDeferredRefcount: Option<unsafe extern "C" fn(Object) -> c_int>,
    pub _Py_INCREF_IncRefTotal: Option<unsafe extern "C" fn()>,
    pub _Py_DECREF_DecRefTotal: Option<unsafe extern "C" fn()>,
    /// Exported up to 3.8 only.
    pub _PyDebug_PrintTotalRefs: Option<unsafe extern "C" fn()>,
    pub _Py_GetRefTotal: Option<unsafe extern "C" fn() -> isize>,
    pub _Py_GetGlobalRefTotal: Option<unsafe extern "C" fn() -> isize>,
    pub _PyInterpreterState_GetRefTotal: Option<unsafe extern "C" fn(*mut c_void) -> isize>,
    pub _Py_IncRefTotal: Option<unsafe extern "C" fn(*mut c_void)>,
    pub _Py_DecRefTotal: Option<unsafe extern "C" fn(*mut c_void)>,
    pub _PyTraceMalloc_NewReference: Option<unsafe extern "C" fn(Object) -> c_int>,
    pub _PyTraceMalloc_GetTraceback: Option<unsafe extern "C" fn(c_uint, usize) -> Object>,
    pub PyTraceMalloc_Track: Option<unsafe extern "C" fn(c_uint, usize, usize) -> c_int>,
    pub PyTraceMalloc_Untrack: Option<unsafe extern "C" fn(c_uint, usize) -> c_int>,
    pub PyRefTracer_SetTracer: Option<unsafe extern "C" fn(TraceFunction, *mut c_void) -> c_int>,
    pub PyRefTracer_GetTracer: Option<unsafe extern "C" fn(*mut *mut c_void) -> TraceFunction>,
    pub _PyTrash_begin: Option<unsafe extern "C" fn(*mut c_void, Object) -> c_int>,
    pub _PyTrash_end: Option<unsafe extern "C" fn(*mut c_void)>,
    pub _PyTrash_deposit_object: Option<unsafe extern "C" fn(Object)>,
    pub _PyTrash_destroy_chain: Option<unsafe extern "C" fn()>,
    /// Up to 3.10. From 3.13 on, the function of the next field has this name.
    pub _PyTrash_thread_deposit_object: Option<unsafe extern "C" fn(Object)>,
    pub _PyTrash_thread_deposit_object_3_13: Option<unsafe extern "C" fn(*mut c_void, Object)>,
    /// Up to 3.10. From 3.13 on, the function of the next field has this name.
    pub _PyTrash_thread_destroy_chain: Option<unsafe extern "C" fn()>,
    pub _PyTrash_thread_destroy_chain_3_13: Option<unsafe extern "C" fn(*mut c_void)>,
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
