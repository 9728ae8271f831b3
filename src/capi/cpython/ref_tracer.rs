//! The reference tracer, from 3.13 on.

use std::ffi::{c_int, c_void};

use crate::host::{self, FunctionSlot};
use crate::watch::tracer::{self, RefTracer, Tracer};

type Set = unsafe extern "C" fn(RefTracer, *mut c_void) -> c_int;
type Get = unsafe extern "C" fn(*mut *mut c_void) -> RefTracer;

static SET: FunctionSlot<Set> = FunctionSlot::new(set);
static GET: FunctionSlot<Get> = FunctionSlot::new(get);

/// Makes the exported functions call the host's own functions from now on.
///
/// # Safety
/// No other thread calls this library meanwhile.
pub(crate) unsafe fn follow_host() {
    // SAFETY: no other thread calls this library, so none uses the slot meanwhile.
    unsafe {
        SET.follow(host::originals().PyRefTracer_SetTracer);
        GET.follow(host::originals().PyRefTracer_GetTracer);
    }
}

/// # Safety
/// As [`PyRefTracer_SetTracer`].
unsafe extern "C" fn set(function: RefTracer, data: *mut c_void) -> c_int {
    // SAFETY: the old tracer may be called until now, and no other thread uses the slot meanwhile.
    unsafe {
        tracer::say_farewell();
        // Without a host, all births and deaths read this slot.
        *tracer::users() = Tracer { function, data };
    }
    0
}

/// # Safety
/// As [`PyRefTracer_GetTracer`].
unsafe extern "C" fn get(data: *mut *mut c_void) -> RefTracer {
    let current = tracer::users();
    // SAFETY: the slot is static, and no other thread writes it meanwhile. `data` is NULL or can be written.
    unsafe {
        if !data.is_null() {
            *data = (*current).data;
        }
        (*current).function
    }
}

/// Sets the reference tracer: from now on `tracer` is called with each object that is born (event 0) or about to die
/// (event 1), and with `data`. NULL stops the calls (3.13 and later). From 3.15 on the old tracer is called once more,
/// without an object, with event 2. Returns 0, or in a host the host's result.
///
/// # Safety
/// `tracer` may be called with `data` until another is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRefTracer_SetTracer(tracer: RefTracer, data: *mut c_void) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    unsafe { SET.get()(tracer, data) }
}

/// Returns the reference tracer, and stores its data in `data` unless that is NULL (3.13 and later).
///
/// # Safety
/// `data` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRefTracer_GetTracer(data: *mut *mut c_void) -> RefTracer {
    // SAFETY: the caller's promise is the callee's.
    unsafe { GET.get()(data) }
}
