//! The reference tracer, from 3.13 on.

use std::ffi::{c_int, c_void};

use crate::host;
use crate::watch::tracer::{self, RefTracer, Tracer};
use crate::watch::watchers;

/// Calls `tracer` with each object that is born (event 0) or about to die (event 1), and with `data`; NULL
/// stops that (3.13 and later). From 3.15 on the tracer that stood there before is called once more,
/// without an object, with event 2. Returns 0; in a host, what the host returns.
///
/// # Safety
/// `tracer` may be called with `data` until another is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRefTracer_SetTracer(tracer: RefTracer, data: *mut c_void) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if let Some(theirs) = host::originals().PyRefTracer_SetTracer {
            return theirs(tracer, data);
        }
        tracer::say_farewell();
        watchers::set_tracer(Tracer {
            function: tracer,
            data,
        });
    }
    0
}

/// The tracer, and in `data`, unless that is NULL, the data it was set with (3.13 and later).
///
/// # Safety
/// `data` is NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRefTracer_GetTracer(data: *mut *mut c_void) -> RefTracer {
    if let Some(theirs) = host::originals().PyRefTracer_GetTracer {
        // SAFETY: the host's own function and the caller's promise.
        return unsafe { theirs(data) };
    }
    let current = tracer::get();
    if !data.is_null() {
        // SAFETY: the caller's promise.
        unsafe { *data = current.data };
    }
    current.function
}
