//! What is said before the process ends: CPython's `_PyObject_AssertFailed`.

use std::ffi::{CStr, c_int};
use std::ptr::null;

use super::live::{self, State};
use super::{birth_stacks, frames, stacks, tracemalloc, traces, type_name};
use crate::abi::{self, FLAVOUR, Head, PyObject};
use crate::host::{self, Host, say};
use crate::refcount::{Current, Policy};

/// Says that `message` is so of `op`, with all that can be known of it, and ends the process.
///
/// The safest facts come first, and each is written before the next is read, because that may crash.
///
/// # Safety
/// `file` and `function` are C strings or null; `op` may be anything.
#[cold]
pub unsafe fn assert_failed(
    op: *mut PyObject,
    message: &CStr,
    file: &CStr,
    line: c_int,
    function: &CStr,
) -> ! {
    if let Some(theirs) = host::originals()._PyObject_AssertFailed {
        // SAFETY: the host's own function, which takes any object and never returns.
        unsafe {
            theirs(
                op,
                null(),
                message.as_ptr(),
                file.as_ptr(),
                line,
                function.as_ptr(),
            )
        }
    }
    let [file, function, message] = [file, function, message].map(CStr::to_string_lossy);
    say(&format!(
        "{file}:{line}: {function}: Assertion failed: {message}\n"
    ));
    if type_name::looks_freed(op) || live::state(op as usize) == State::Dead {
        say(&format!("<object at {op:p} is freed>\n"));
    } else {
        say_birth(op);
        say_object(op);
    }
    let what = "_PyObject_AssertFailed";
    let prefix = if FLAVOUR.minor >= 9 {
        format!("{what}: ")
    } else {
        String::new()
    };
    say(&format!("Fatal Python error: {prefix}{what}\n"));
    host::Current::give_up()
}

/// Where the object's memory was allocated, or the object born.
fn say_birth(op: *mut PyObject) {
    // SAFETY: the caller has made sure that the object and its type can be read.
    let block = op as usize - unsafe { abi::presize(op) };
    let traced = traces::all().get(0, block).map(|trace| trace.stack);
    let Some(stack) = traced.or_else(|| birth_stacks::of(op)) else {
        if !tracemalloc::is_tracing() {
            say("Enable tracemalloc to get the memory block allocation traceback\n\n");
        }
        return;
    };
    say("Memory block allocated at (most recent call first):\n");
    for frame in frames::resolve(&stacks::get(stack), tracemalloc::frames().max(16)) {
        match (&frame.file, frame.line) {
            (Some(file), Some(line)) => say(&format!("  File \"{file}\", line {line}\n")),
            _ => say(&format!("  {frame}\n")),
        }
    }
    say("\n");
}

/// What the object itself tells, in CPython's words.
fn say_object(op: *mut PyObject) {
    say(&format!("object address  : {op:p}\n"));
    // SAFETY: the caller has made sure that the object can be read.
    let (refcnt, ob_type) = unsafe { (Current::get(PyObject::count(op)), abi::type_of(op)) };
    say(&format!("object refcount : {refcnt}\n"));
    say(&format!("object type     : {ob_type:p}\n"));
    let name = type_name::of(op);
    let name = name.as_deref().unwrap_or("(can't be read)");
    say(&format!("object type name: {name}\n"));
    let repr = if refcnt <= 0 {
        format!("<refcnt {refcnt} at {op:p}>")
    } else {
        format!("<{name} object at {op:p}>")
    };
    say(&format!("object repr     : {repr}\n\n"));
}
