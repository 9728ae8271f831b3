use std::ffi::{c_char, c_int, c_uint, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::abi::{PyObject, PyTypeObject};

type Object = *mut PyObject;
type Tracer = Option<unsafe extern "C" fn(Object, c_int, *mut c_void) -> c_int>;

/// CPython's `_PyTrash_thread_deposit_object`, under whose name two functions have stood.
#[derive(Clone, Copy)]
#[repr(C)]
pub union DepositObject {
    /// Up to 3.10.
    pub of_object: unsafe extern "C" fn(Object),
    /// 3.13 and later: a thread state comes first.
    pub of_thread: unsafe extern "C" fn(*mut c_void, Object),
}

/// CPython's `_PyTrash_thread_destroy_chain`, under whose name two functions have stood.
#[derive(Clone, Copy)]
#[repr(C)]
pub union DestroyChain {
    /// Up to 3.10.
    pub plain: unsafe extern "C" fn(),
    /// 3.13 and later: takes a thread state.
    pub of_thread: unsafe extern "C" fn(*mut c_void),
}

/// The host CPython's own functions behind the names that this library exports.
///
/// Each is `None` where the host's version has no such symbol. All are the host's originals, found
/// behind ours in the order in which the loader looks names up.
#[derive(Clone, Copy, Default)]
#[allow(
    missing_docs,
    missing_debug_implementations,
    reason = "each field is CPython's function of that name"
)]
pub struct Interpreter {
    pub _Py_NewReference: Option<unsafe extern "C" fn(Object)>,
    pub _Py_NewReferenceNoTotal: Option<unsafe extern "C" fn(Object)>,
    pub _Py_ResurrectReference: Option<unsafe extern "C" fn(Object)>,
    pub _Py_ForgetReference: Option<unsafe extern "C" fn(Object)>,
    pub _Py_Dealloc: Option<unsafe extern "C" fn(Object)>,
    pub PyObject_Init: Option<unsafe extern "C" fn(Object, *mut PyTypeObject) -> Object>,
    pub PyObject_CallFinalizer: Option<unsafe extern "C" fn(Object)>,
    pub PyObject_CallFinalizerFromDealloc: Option<unsafe extern "C" fn(Object) -> c_int>,
    pub _Py_SetImmortal: Option<unsafe extern "C" fn(Object)>,
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
    pub _Py_INCREF_IncRefTotal: Option<unsafe extern "C" fn()>,
    pub _Py_DECREF_DecRefTotal: Option<unsafe extern "C" fn()>,
    pub _Py_GetGlobalRefTotal: Option<unsafe extern "C" fn() -> isize>,
    pub _PyInterpreterState_GetRefTotal: Option<unsafe extern "C" fn(*mut c_void) -> isize>,
    pub _Py_IncRefTotal: Option<unsafe extern "C" fn(*mut c_void)>,
    pub _Py_DecRefTotal: Option<unsafe extern "C" fn(*mut c_void)>,
    pub _PyTraceMalloc_NewReference: Option<unsafe extern "C" fn(Object) -> c_int>,
    pub PyTraceMalloc_Track: Option<unsafe extern "C" fn(c_uint, usize, usize) -> c_int>,
    pub PyTraceMalloc_Untrack: Option<unsafe extern "C" fn(c_uint, usize) -> c_int>,
    pub PyRefTracer_SetTracer: Option<unsafe extern "C" fn(Tracer, *mut c_void) -> c_int>,
    pub PyRefTracer_GetTracer: Option<unsafe extern "C" fn(*mut *mut c_void) -> Tracer>,
    pub _PyTrash_begin: Option<unsafe extern "C" fn(*mut c_void, Object) -> c_int>,
    pub _PyTrash_end: Option<unsafe extern "C" fn(*mut c_void)>,
    pub _PyTrash_deposit_object: Option<unsafe extern "C" fn(Object)>,
    pub _PyTrash_destroy_chain: Option<unsafe extern "C" fn()>,
    pub _PyTrash_thread_deposit_object: Option<DepositObject>,
    pub _PyTrash_thread_destroy_chain: Option<DestroyChain>,
}

static INTERPRETER: AtomicPtr<Interpreter> = AtomicPtr::new(std::ptr::null_mut());

/// The CPython this process runs, or `None` where there is none.
#[inline]
pub fn interpreter() -> Option<&'static Interpreter> {
    // Relaxed: `enter` runs before the first object is born, under the host's lock or before `main`.
    let found = INTERPRETER.load(Ordering::Relaxed);
    // SAFETY: the pointer is null or was leaked by `enter`.
    unsafe { found.as_ref() }
}

/// From now on this process has an interpreter. Called once, before its first object is born.
pub fn enter(interpreter: Interpreter) {
    INTERPRETER.store(Box::leak(Box::new(interpreter)), Ordering::Relaxed);
}
