//! The reference tracer, from 3.13 on.

use std::ffi::{c_int, c_void};

use crate::host::{self, Chosen};
use crate::watch::tracer::{self, RefTracer, Tracer};

type Set = unsafe extern "C" fn(RefTracer, *mut c_void) -> c_int;
type Get = unsafe extern "C" fn(*mut *mut c_void) -> RefTracer;

static SET: Chosen<Set> = Chosen::new(set);
static GET: Chosen<Get> = Chosen::new(get);

/// From now on the host's own functions are behind these names.
///
/// # Safety
/// Callers take turns.
pub unsafe fn follow_host() {
    // SAFETY: the caller's promise is the callee's.
    unsafe {
        SET.follow(host::originals().PyRefTracer_SetTracer);
        GET.follow(host::originals().PyRefTracer_GetTracer);
    }
}

unsafe extern "C" fn set(function: RefTracer, data: *mut c_void) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        tracer::say_farewell();
        // Where there is no host, this is the slot that everybody reads.
        *tracer::users() = Tracer { function, data };
    }
    0
}

unsafe extern "C" fn get(data: *mut *mut c_void) -> RefTracer {
    let current = tracer::users();
    // SAFETY: callers take turns, and the slot lives for good; the caller's promise.
    unsafe {
        if !data.is_null() {
            *data = (*current).data;
        }
        (*current).function
    }
}

/// Calls `tracer` with each object that is born (event 0) or about to die (event 1), and with `data`; NULL
/// stops that (3.13 and later). From 3.15 on the tracer that stood there before is called once more,
/// without an object, with event 2. Returns 0; in a host, what the host returns.
///
/// # Safety
/// `tracer` may be called with `data` until another is set.
#[unsafe(no_mangle)]
#[cfg_attr(target_arch = "x86_64", unsafe(naked))]
pub unsafe extern "C" fn PyRefTracer_SetTracer(tracer: RefTracer, data: *mut c_void) -> c_int {
    // One instruction, of which the compiler makes two where there are two arguments.
    #[cfg(target_arch = "x86_64")]
    std::arch::naked_asm!("jmp qword ptr [rip + {}]", sym SET);
    // SAFETY: the caller's promise is the callee's.
    #[cfg(not(target_arch = "x86_64"))]
    unsafe {
        SET.get()(tracer, data)
    }
}

/// The tracer, and in `data`, unless that is NULL, the data it was set with (3.13 and later).
///
/// # Safety
/// `data` is NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRefTracer_GetTracer(data: *mut *mut c_void) -> RefTracer {
    // SAFETY: the caller's promise is the callee's.
    unsafe { GET.get()(data) }
}
