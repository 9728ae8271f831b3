//! Traced memory blocks and the C call stacks of births.

use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::ptr::null;

use crate::abi::{FLAVOUR, PyObject};
use crate::audit::attachment;
use crate::host;
use crate::watch::frames::Frame;
use crate::watch::watchers::{self, Watcher};
use crate::watch::{birth_stacks, frames, lines, stacks, tracemalloc, traces};

/// One frame of a C call stack. A field that is not known is NULL or 0.
#[derive(Debug)]
#[repr(C)]
pub struct pyrefcore_frame {
    /// The return address.
    pub address: usize,
    /// The function's name.
    pub function: *const c_char,
    /// The source file, known where there is debug information.
    pub file: *const c_char,
    /// The line in `file`.
    pub line: c_uint,
    /// The program or shared library that holds the code.
    pub library: *const c_char,
    /// Bytes from the start of `library`.
    pub offset: usize,
}

/// Called with a frame and the `arg` of the caller. A result other than zero stops the walk. The frame is valid
/// during the call.
pub type pyrefcore_frame_visitor =
    Option<unsafe extern "C" fn(*const pyrefcore_frame, *mut c_void) -> c_int>;

/// Starts to trace the memory blocks of `PyTraceMalloc_Track` and `pyrefcore_object_malloc`, with at most `max_nframe`
/// frames each (at least one). Returns 0, or -1 in a host: there the host's tracemalloc traces.
///
/// # Safety
/// The host's lock is held, and no other thread may use objects meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_trace_start(max_nframe: c_int) -> c_int {
    if host::has_interpreter() {
        return -1;
    }
    tracemalloc::start(max_nframe);
    // SAFETY: the caller's promise is the callee's.
    unsafe { watchers::set(Watcher::Blocks, !FLAVOUR.exports_variables()) };
    0
}

/// Stops tracing and forgets all blocks.
///
/// # Safety
/// The host's lock is held, and no other thread may use objects meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_trace_stop() {
    if !host::has_interpreter() {
        // SAFETY: the caller's promise is the callee's.
        unsafe { watchers::set(Watcher::Blocks, false) };
        tracemalloc::stop();
    }
}

/// 1 while memory blocks are traced, otherwise 0.
#[unsafe(no_mangle)]
pub extern "C" fn pyrefcore_is_tracing() -> c_int {
    c_int::from(tracemalloc::is_tracing())
}

/// Stores the number of traced bytes: in `current` the present one, in `peak` the highest since tracing was started. A
/// pointer that is NULL is ignored.
///
/// # Safety
/// The pointers are NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_traced_memory(current: *mut usize, peak: *mut usize) {
    let memory = traces::all().memory();
    for (place, bytes) in [(current, memory.0), (peak, memory.1)] {
        if !place.is_null() {
            // SAFETY: the caller promises a place that can be written.
            unsafe { *place = bytes };
        }
    }
}

/// Calls `visit` with each frame of the stack on which a traced block was last handed out, innermost first. Returns the
/// number of frames; -1 where the block is unknown.
///
/// # Safety
/// `visit` may be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_block_stack(
    domain: c_uint,
    ptr: usize,
    visit: pyrefcore_frame_visitor,
    arg: *mut c_void,
) -> c_int {
    let known = traces::all().get(domain, ptr);
    // SAFETY: `visit` may be called with `arg`.
    known.map_or(-1, |trace| unsafe {
        visit_stack(trace.stack, tracemalloc::frames(), visit, arg)
    })
}

/// Calls `visit` with each frame of the stack on which `op` was born, innermost first, if `PYREFCORE_TRACE` or
/// `pyrefcore_audit_births` was on then. In a host, it leaves out frames of the interpreter except those that other
/// code called. Returns the number of frames; -1 where the birth was not seen.
///
/// # Safety
/// `op` is an object; `visit` may be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_birth_stack(
    op: *mut PyObject,
    visit: pyrefcore_frame_visitor,
    arg: *mut c_void,
) -> c_int {
    let recorded = || {
        // SAFETY: `op` is an object.
        let known = unsafe { attachment::birth_of(op) };
        known.and_then(|(birth, is_birth)| is_birth.then_some(birth.stack))
    };
    let stack = if host::has_interpreter() && attachment::keeps_births() {
        recorded()
    } else {
        birth_stacks::of(op)
    };
    // SAFETY: `visit` may be called with `arg`.
    stack.map_or(-1, |stack| unsafe {
        visit_stack(stack, birth_stacks::FRAMES, visit, arg)
    })
}

/// Calls `visit` with each frame of the stack on which the memory of `op` was first used, innermost first. It is for
/// objects whose birth was not seen while `pyrefcore_audit_births` is on: their type may keep the memory of dead
/// objects for new ones. Returns the number of frames; -1 where no stack is known, or the birth itself was seen.
///
/// # Safety
/// `op` is an object; `visit` may be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_first_used_stack(
    op: *mut PyObject,
    visit: pyrefcore_frame_visitor,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: `op` is an object, and `visit` may be called with `arg`.
    unsafe {
        match attachment::birth_of(op) {
            Some((birth, false)) => visit_stack(birth.stack, birth_stacks::FRAMES, visit, arg),
            _ => -1,
        }
    }
}

/// Calls `visit` with one frame that has only a file and a line: those of the Python code that ran when `op` was born,
/// or when its memory was first used. `pyrefcore_audit_births` must be on. Returns 1; -1 where the line is not known.
///
/// # Safety
/// `op` is an object; `visit` may be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_birth_line(
    op: *mut PyObject,
    visit: pyrefcore_frame_visitor,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise is the callee's.
    let known = unsafe { attachment::birth_of(op) };
    // SAFETY: `visit` may be called with `arg`.
    unsafe { show_line(known.and_then(|(birth, _)| birth.line), visit, arg) }
}

/// Calls `visit` with each frame of the stack on which the memory block at `block` was handed out, innermost first.
/// `pyrefcore_audit_births` and `pyrefcore_audit_memory` must be on. Returns the number of frames; -1 where it was not
/// seen.
///
/// # Safety
/// `visit` may be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_memory_stack(
    block: *const c_void,
    visit: pyrefcore_frame_visitor,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: `visit` may be called with `arg`.
    birth_stacks::at(block as usize).map_or(-1, |birth| unsafe {
        visit_stack(birth.stack, birth_stacks::FRAMES, visit, arg)
    })
}

/// Calls `visit` with one frame that has only a file and a line: those of the Python code that ran when the memory
/// block at `block` was handed out. Returns 1; -1 where the line is not known, as for all memory of the raw domain.
///
/// # Safety
/// `visit` may be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_memory_line(
    block: *const c_void,
    visit: pyrefcore_frame_visitor,
    arg: *mut c_void,
) -> c_int {
    let line = birth_stacks::at(block as usize).and_then(|birth| birth.line);
    // SAFETY: `visit` may be called with `arg`.
    unsafe { show_line(line, visit, arg) }
}

/// # Safety
/// `visit` may be called with `arg`.
unsafe fn show_line(
    line: Option<lines::LineId>,
    visit: pyrefcore_frame_visitor,
    arg: *mut c_void,
) -> c_int {
    let Some((file, line)) = line.and_then(lines::get) else {
        return -1;
    };
    let frame = Frame {
        file: Some(file.into()),
        line: Some(line),
        ..Frame::default()
    };
    // SAFETY: the caller's promise is the callee's.
    unsafe { show(&frame, visit, arg) };
    1
}

/// # Safety
/// `visit` may be called with `arg`.
unsafe fn visit_stack(
    stack: stacks::StackId,
    limit: usize,
    visit: pyrefcore_frame_visitor,
    arg: *mut c_void,
) -> c_int {
    let frames = frames::resolve(&stacks::get(stack), limit);
    // SAFETY: the caller's promise is the callee's.
    unsafe { visit_frames(&frames, visit, arg) }
}

/// Calls `visit` with each frame, until it returns something else than 0. Returns the number of frames.
///
/// # Safety
/// `visit` may be called with `arg`.
pub(super) unsafe fn visit_frames(
    frames: &[Frame],
    visit: pyrefcore_frame_visitor,
    arg: *mut c_void,
) -> c_int {
    for frame in frames {
        // SAFETY: the caller's promise is the callee's.
        if unsafe { show(frame, visit, arg) } != 0 {
            break;
        }
    }
    c_int::try_from(frames.len()).unwrap_or(c_int::MAX)
}

/// Calls `visit` with a frame, and returns its result.
///
/// # Safety
/// `visit` may be called with `arg`.
unsafe fn show(frame: &Frame, visit: pyrefcore_frame_visitor, arg: *mut c_void) -> c_int {
    let [function, file, library] = [&frame.function, &frame.file, &frame.library]
        .map(|text| text.as_deref().and_then(|text| CString::new(text).ok()));
    let pointer = |text: &Option<CString>| text.as_ref().map_or(null(), |text| text.as_ptr());
    let shown = pyrefcore_frame {
        address: frame.address,
        function: pointer(&function),
        file: pointer(&file),
        line: frame.line.unwrap_or(0),
        library: pointer(&library),
        offset: frame.offset.unwrap_or(0),
    };
    // SAFETY: `visit` may be called with `arg`, and the texts live until the end of this function.
    visit.map_or(0, |visit| unsafe { visit(&raw const shown, arg) })
}
