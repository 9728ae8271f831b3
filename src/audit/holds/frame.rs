//! Frames, whose words say from 3.14 on whether the reference is counted.
//!
//! `LOAD_FAST_BORROW` and its kin put a word on the stack that borrows the reference of a local variable. The collector
//! passes over such words when it subtracts references; a visitor that is not its own is shown them. A frame has the same
//! layout in 3.14 and 3.15, with the global lock and on free threads.

use super::{Held, field};
use crate::abi::{FLAVOUR, Head, PyObject};
use crate::refcount::{Current, Policy};

/// Bytes from a generator's head to its frame, which lies in the generator. Coroutines and asynchronous generators are
/// laid out alike.
const IN_GENERATOR: usize = 56;
/// A frame object's pointer to its frame, and where the frame lies once the object owns it.
const F_FRAME: usize = 8;
const F_FRAME_DATA: usize = 56;

/// Of a frame, in bytes: CPython's `_PyInterpreterFrame`.
const F_EXECUTABLE: usize = 0;
const F_FUNCOBJ: usize = 16;
const STACKPOINTER: usize = 64;
const LOCALSPLUS: usize = 80;

/// CPython's `Py_TAG_BITS`, and `Py_TAG_REFCNT` alone: a reference that is not counted, or NULL.
const TAG_BITS: usize = 3;
const TAG_REFCNT: usize = 1;

/// Where an object of that kind keeps the frame that it shows.
pub(super) type Find = unsafe fn(op: *mut PyObject) -> Option<usize>;

/// # Safety
/// `op` is a generator, a coroutine or an asynchronous generator.
pub(super) unsafe fn in_generator(op: *mut PyObject) -> Option<usize> {
    (FLAVOUR.minor >= 14).then_some(op as usize + size_of::<PyObject>() + IN_GENERATOR)
}

/// # Safety
/// `op` is a frame object.
pub(super) unsafe fn in_frame_object(op: *mut PyObject) -> Option<usize> {
    let own = op as usize + size_of::<PyObject>() + F_FRAME_DATA;
    // SAFETY: the caller's promise. The frame of another owner is not shown.
    (FLAVOUR.minor >= 14 && unsafe { field(op, F_FRAME) } as usize == own).then_some(own)
}

/// The objects in a frame's words whose references are not counted, once for each word. Immortal ones are left out, since
/// their counts are not judged.
///
/// # Safety
/// A frame lies there, or anything else that can be read.
pub(super) unsafe fn uncounted(frame: usize, held: &dyn Held) -> Vec<*mut PyObject> {
    let locals = frame + LOCALSPLUS;
    // SAFETY: the caller's promise; whether the words and the objects are there is asked first.
    unsafe {
        let word = |at: usize| *(at as *const usize);
        let end = word(frame + STACKPOINTER);
        let is_whole = end >= locals
            && (end - locals).is_multiple_of(size_of::<usize>())
            && held.is_readable(locals, end - locals);
        let end = if is_whole { end } else { locals };
        [frame + F_EXECUTABLE, frame + F_FUNCOBJ]
            .into_iter()
            .chain((locals..end).step_by(size_of::<usize>()))
            .map(word)
            .filter(|word| word & TAG_BITS == TAG_REFCNT && *word != TAG_REFCNT)
            .map(|word| (word & !TAG_BITS) as *mut PyObject)
            .filter(|&op| {
                held.is_readable(op as usize, size_of::<PyObject>())
                    && !Current::is_immortal(PyObject::count(op))
            })
            .collect()
    }
}
