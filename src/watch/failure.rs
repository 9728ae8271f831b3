//! The message before the process ends: CPython's `_PyObject_AssertFailed`.

use std::ffi::{CStr, c_int};
use std::ptr::null;

use super::live::{self, State};
use super::{birth_stacks, frames, stacks, tracemalloc, traces, type_name};
use crate::abi::{FLAVOUR, Head, PyObject};
use crate::host::{self, say};
use crate::refcount::{Current, Policy};

/// Prints `message` about `op`, with all that is known of it, and ends the process.
///
/// The safest facts come first. Each is written before the next is read, because reading may crash.
///
/// # Safety
/// `op` may be anything.
#[cold]
pub unsafe fn assert_failed(
    op: *mut PyObject,
    message: &CStr,
    file: &CStr,
    line: c_int,
    function: &CStr,
) -> ! {
    // SAFETY: the caller's promise is the callee's.
    unsafe { say_failed(op, None, Some(message), Some(file), line, Some(function)) }
}

/// Prints that an assertion about `op` failed, with all that is known of it, and ends the process: CPython's
/// `_PyObject_AssertFailed`.
///
/// # Safety
/// `op` may be anything.
#[cold]
pub unsafe fn say_failed(
    op: *mut PyObject,
    expression: Option<&CStr>,
    message: Option<&CStr>,
    file: Option<&CStr>,
    line: c_int,
    function: Option<&CStr>,
) -> ! {
    if let Some(theirs) = host::originals()._PyObject_AssertFailed {
        let [expression, message, file, function] =
            [expression, message, file, function].map(|text| text.map_or(null(), CStr::as_ptr));
        // SAFETY: the host's own function, which takes any object and never returns.
        unsafe { theirs(op, expression, message, file, line, function) }
    }
    let [expression, message, function] = [
        (" \"", expression, "\""),
        (": ", message, ""),
        ("", function, ": "),
    ]
    .map(|(before, text, after)| match text {
        Some(text) => format!("{before}{}{after}", text.to_string_lossy()),
        None => String::new(),
    });
    // The C library prints this for a null string.
    let file = file.unwrap_or(c"(null)").to_string_lossy();
    say(&format!(
        "{file}:{line}: {function}Assertion{expression} failed{message}\n"
    ));
    if type_name::looks_freed(op) || live::state(op as usize) == State::Dead {
        say(&format!("<object at {op:p} is freed>\n"));
    } else {
        say_birth(op);
        say_object(op);
    }
    let what = "_PyObject_AssertFailed";
    let prefix = if FLAVOUR.has_old_messages() {
        String::new()
    } else {
        format!("{what}: ")
    };
    host::fatal_python_error(&format!("{prefix}{what}"))
}

/// Prints the facts about `op`, and ends the process, with the messages of 3.8.
#[cold]
pub fn unref_failed(op: *mut PyObject, message: &str) -> ! {
    say("* ob\n");
    say_object(op);
    host::fatal_python_error(message)
}

/// Prints where the object's memory was allocated, or where the object was born.
fn say_birth(op: *mut PyObject) {
    let Some(flags) = type_name::flags(op) else {
        return;
    };
    let block = op as usize - flags.presize(FLAVOUR);
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

/// Prints the fields of the object, with CPython's labels.
fn say_object(op: *mut PyObject) {
    say(&format!("object address  : {op:p}\n"));
    // SAFETY: the count was copied to a local. Every bit pattern is a valid count.
    let refcnt =
        host::read(PyObject::count_address(op)).map(|count| unsafe { Current::get(&count) });
    let refcnt = refcnt.unwrap_or(0);
    say(&format!("object refcount : {refcnt}\n"));
    say(&format!(
        "object type     : {:#x}\n",
        type_name::type_word(op).unwrap_or(0)
    ));
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
