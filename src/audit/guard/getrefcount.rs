//! Makes `sys.getrefcount` leave out pins while they are held.

use std::ffi::{c_char, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::abi::{self, FLAVOUR, Py_ssize_t, PyObject};
use crate::audit::heap::builtin::builtin;
use crate::audit::heap::host_hooks::host_hooks;
use crate::audit::walk::pinned;
use crate::lifecycle::count;

type Function = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;

type ToNumber = unsafe extern "C" fn(*mut PyObject) -> Py_ssize_t;
type ToObject = unsafe extern "C" fn(Py_ssize_t) -> *mut PyObject;

/// CPython's `PyMethodDef`.
#[repr(C)]
struct Method {
    name: *const c_char,
    function: AtomicUsize,
    flags: c_int,
}

/// CPython's `PyCFunctionObject`, as far as it is read here.
#[repr(C)]
struct FunctionObject {
    ob_base: PyObject,
    method: *mut Method,
}

/// `METH_O`: the function takes one argument.
const ONE_ARGUMENT: c_int = 8;

struct GetRefcount {
    method: *mut Method,
    original: Function,
    number: ToNumber,
    object: ToObject,
}

// SAFETY: the method definition is static, and `function`, the only field that changes, is atomic.
unsafe impl Send for GetRefcount {}
// SAFETY: as for `Send`.
unsafe impl Sync for GetRefcount {}

static KNOWN: OnceLock<Option<GetRefcount>> = OnceLock::new();

/// Starts or stops leaving pins out of the result of `sys.getrefcount`.
///
/// # Safety
/// The host's lock is held.
pub(in crate::audit) unsafe fn leave_out_pins(on: bool) {
    // SAFETY: the caller's promise is the callee's.
    let Some(known) = KNOWN.get_or_init(|| unsafe { look() }) else {
        return;
    };
    let (from, to) = if on {
        (known.original as usize, ours as Function as usize)
    } else {
        (ours as Function as usize, known.original as usize)
    };
    // SAFETY: the method definition is static, and the field is an aligned word.
    let function = unsafe { &(*known.method).function };
    let _ = function.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
}

/// Finds `sys.getrefcount`; `None` if the function is not CPython's own, or on a free-threaded build.
///
/// # Safety
/// The host's lock is held.
unsafe fn look() -> Option<GetRefcount> {
    let hooks = host_hooks().filter(|_| !FLAVOUR.free_threaded)?;
    let symbol = |name| {
        let found: *mut c_void = (hooks.symbol)(name);
        (!found.is_null()).then_some(found)
    };
    // SAFETY: the host's lock is held, each symbol has the signature of CPython's header, and an object of
    // `PyCFunction_Type` has a method definition.
    unsafe {
        let op = builtin().PySys_GetObject?(c"getrefcount".as_ptr());
        if op.is_null() || abi::type_of(op).cast() != symbol(c"PyCFunction_Type")? {
            return None;
        }
        let method = (*op.cast::<FunctionObject>()).method;
        let is_own = builtin().is_own((*method).function.load(Ordering::Relaxed));
        if (*method).flags != ONE_ARGUMENT || !is_own {
            return None;
        }
        Some(GetRefcount {
            method,
            original: std::mem::transmute::<usize, Function>(
                (*method).function.load(Ordering::Relaxed),
            ),
            number: std::mem::transmute::<*mut c_void, ToNumber>(symbol(c"PyLong_AsSsize_t")?),
            object: std::mem::transmute::<*mut c_void, ToObject>(symbol(c"PyLong_FromSsize_t")?),
        })
    }
}

/// `sys.getrefcount` without pins.
///
/// # Safety
/// As for the original: `op` is an object, and the host's lock is held.
unsafe extern "C" fn ours(module: *mut PyObject, op: *mut PyObject) -> *mut PyObject {
    let Some(Some(known)) = KNOWN.get() else {
        return std::ptr::null_mut();
    };
    // SAFETY: the caller's promise is the original's. Its result is a new reference to an integer, or NULL with an
    // exception.
    unsafe {
        let result = (known.original)(module, op);
        let pins = pinned::of(op);
        if result.is_null() || pins == 0 {
            return result;
        }
        let references = (known.number)(result) - pins;
        count::release(result, c"Py_DecRef");
        (known.object)(references)
    }
}
