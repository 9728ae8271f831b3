//! Reads the running line of Python from the host's frames. It makes no object, so it may be called inside the
//! allocator.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::originals::Library;
use crate::abi::{self, FLAVOUR, Py_ssize_t, PyObject, PyTypeObject, PyVarObject};
use crate::lifecycle::count;

/// Functions of the host that only read, and the type of code objects.
#[derive(Clone, Copy, Debug)]
struct Reader {
    thread: unsafe extern "C" fn() -> *mut c_void,
    /// Called up to 3.10 only: there it makes no frame object.
    frame: unsafe extern "C" fn() -> *mut c_void,
    line_of_code: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    line_of_frame: unsafe extern "C" fn(*mut c_void) -> c_int,
    length: unsafe extern "C" fn(*mut c_void) -> Py_ssize_t,
    character: unsafe extern "C" fn(*mut c_void, Py_ssize_t) -> u32,
    code_type: *mut PyTypeObject,
}

// SAFETY: the functions and the type are the host's, and stay valid.
unsafe impl Send for Reader {}
// SAFETY: as above.
unsafe impl Sync for Reader {}

static READER: OnceLock<Option<Reader>> = OnceLock::new();
/// The offset of the file name in a code object; 0 if not yet known.
static FILE_NAME: AtomicUsize = AtomicUsize::new(0);

/// The offset of the frame in a thread state. In 3.11 and 3.12 it is the offset of a structure that holds the frame.
const FRAME_OF_THREAD: usize = match FLAVOUR.minor {
    ..=12 => 56,
    _ => 72,
};
/// Offsets in a frame of the interpreter: the code, the frame before it, and the instruction.
const CODE: usize = IN_FRAME[0];
const PREVIOUS: usize = IN_FRAME[1];
const INSTRUCTION: usize = 56;
const IN_FRAME: [usize; 2] = match FLAVOUR.minor {
    11 => [32, 48],
    _ => [0, 8],
};
/// The bits of a reference in a frame that do not belong to the address, from 3.14 on.
const TAGS: usize = if FLAVOUR.borrows_in_frames() { 7 } else { 0 };
/// Longer names are cut.
const LONGEST_NAME: Py_ssize_t = 4096;

/// Finds the host's functions, and the offset of the file name.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn learn(python: &Library) {
    let reader = READER.get_or_init(|| find(python));
    let known = FILE_NAME.load(Ordering::Relaxed) != 0;
    if let (false, Some(reader)) = (known, reader) {
        // SAFETY: the lock is held, and a frame's code is an object.
        unsafe {
            if let Some((code, _)) = reader.running() {
                FILE_NAME.store(
                    place_of_file_name(python, code).unwrap_or(0),
                    Ordering::Relaxed,
                );
            }
        }
    }
}

/// See `lines::Running`.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn running(name: &mut String) -> Option<u32> {
    let place = FILE_NAME.load(Ordering::Relaxed);
    let reader = READER.get()?.as_ref().filter(|_| place != 0)?;
    // SAFETY: the host's lock is held, as the caller promises. A code object holds the name of its file, which is a
    // string.
    unsafe {
        let (code, line) = reader.running()?;
        let text = *code.wrapping_byte_add(place).cast::<*mut c_void>();
        let length = (reader.length)(text).min(LONGEST_NAME);
        // A character takes at most four bytes.
        name.try_reserve(4 * length.unsigned_abs()).ok()?;
        let characters = (0..length).map(|at| (reader.character)(text, at));
        name.extend(
            characters.map(|one| char::from_u32(one).unwrap_or(char::REPLACEMENT_CHARACTER)),
        );
        u32::try_from(line).ok()
    }
}

fn find(python: &Library) -> Option<Reader> {
    let current = match FLAVOUR.minor {
        ..=12 => c"_PyThreadState_UncheckedGet",
        _ => c"PyThreadState_GetUnchecked",
    };
    let line_of_frame = match FLAVOUR.minor {
        ..=11 => c"PyFrame_GetLineNumber",
        _ => c"PyUnstable_InterpreterFrame_GetLine",
    };
    // SAFETY: the host's functions, with the types that its headers give them.
    unsafe {
        Some(Reader {
            thread: python.function(current)?,
            frame: python.function(c"PyEval_GetFrame")?,
            line_of_code: python.function(c"PyCode_Addr2Line")?,
            line_of_frame: python.function(line_of_frame)?,
            length: python.function(c"PyUnicode_GetLength")?,
            character: python.function(c"PyUnicode_ReadChar")?,
            code_type: python.symbol(c"PyCode_Type").cast(),
        })
    }
}

impl Reader {
    /// The code that runs on this thread, and its line.
    ///
    /// # Safety
    /// The host's lock is held.
    unsafe fn running(&self) -> Option<(*mut c_void, c_int)> {
        let some = |address: *mut c_void| (!address.is_null()).then_some(address);
        // SAFETY: CPython has these fields at these offsets, and its frames are whole while it allocates.
        unsafe {
            let word = |from: *mut c_void, at| *from.wrapping_byte_add(at).cast::<*mut c_void>();
            let thread = some((self.thread)())?;
            if FLAVOUR.runs_in_frame_objects() {
                let frame = some((self.frame)())?;
                // `f_code` follows the head of the object and `f_back`.
                let code = word(frame, size_of::<PyVarObject>() + size_of::<usize>());
                return Some((code, (self.line_of_frame)(frame)));
            }
            let mut frame = some(word(thread, FRAME_OF_THREAD))?;
            match FLAVOUR.minor {
                11 => frame = some(word(frame, size_of::<usize>()))?,
                12 => frame = some(word(frame, 0))?,
                _ => {}
            }
            // A call from C code adds a frame that runs no code. It is skipped.
            let code = loop {
                let code = some(word(frame, CODE).map_addr(|address| address & !TAGS));
                match code {
                    Some(code) if abi::type_of(code.cast()) == self.code_type => break code,
                    _ => frame = some(word(frame, PREVIOUS))?,
                }
            };
            if FLAVOUR.hides_lines_of_frames() {
                // The instructions follow the fields of a code object.
                let first = code as usize + (*self.code_type).tp_basicsize.unsigned_abs();
                let at = (word(frame, INSTRUCTION) as usize).wrapping_sub(first);
                return Some((code, (self.line_of_code)(code, at as c_int)));
            }
            Some((code, (self.line_of_frame)(frame)))
        }
    }
}

/// The offset of the file name in a code object: the field that is the attribute `co_filename`.
///
/// # Safety
/// `code` is a code object, and the host's lock is held.
unsafe fn place_of_file_name(python: &Library, code: *mut c_void) -> Option<usize> {
    type Get = unsafe extern "C" fn(*mut PyObject, *const c_char) -> *mut PyObject;
    const NAME: &CStr = c"co_filename";
    // SAFETY: the host's public function, with the type that its headers give it. All fields of a code object can be
    // read.
    unsafe {
        let get = python.function::<Get>(c"PyObject_GetAttrString")?;
        let name = get(code.cast(), NAME.as_ptr());
        if name.is_null() {
            python.function::<unsafe extern "C" fn()>(c"PyErr_Clear")?();
            return None;
        }
        let fields = (*abi::type_of(code.cast())).tp_basicsize.unsigned_abs();
        let mut places = (size_of::<PyVarObject>()..fields).step_by(size_of::<usize>());
        let found = places.find(|&at| *code.wrapping_byte_add(at).cast::<*mut PyObject>() == name);
        count::release(name, c"Py_DecRef");
        found
    }
}
