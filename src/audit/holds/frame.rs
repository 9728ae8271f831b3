//! Frames. From 3.14 on, the tag bits of a word in a frame say whether its reference is counted.
//!
//! `LOAD_FAST_BORROW` and similar instructions push a word that borrows the reference of a local variable. The
//! collector skips such words when it subtracts references, but `tp_traverse` shows them to other visitors. 3.14 and
//! 3.15 have the same frame layout, with and without the global lock.

use super::{Visitor, field};
use crate::abi::{FLAVOUR, Head, PyObject};
use crate::refcount::{Current, Policy};

/// Bytes from a generator's head to the frame inside it. Coroutines and asynchronous generators have the same layout.
const IN_GENERATOR: usize = 56;
/// The place of a frame object's pointer to its frame, and the place of the frame once the object owns it.
const F_FRAME: usize = 8;
const F_FRAME_DATA: usize = 56;

/// Places in CPython's `_PyInterpreterFrame`, in bytes.
const F_EXECUTABLE: usize = 0;
const F_FUNCOBJ: usize = 16;
const STACKPOINTER: usize = 64;
const LOCALSPLUS: usize = 80;

/// CPython's `Py_TAG_BITS`, and `Py_TAG_REFCNT`. With the latter alone, a word is a reference that is not counted, or
/// NULL.
const TAG_BITS: usize = 3;
const TAG_REFCNT: usize = 1;

/// Finds the frame that an object shows.
pub(super) type Find = unsafe fn(op: *mut PyObject) -> Option<usize>;

/// The frame of a generator.
///
/// # Safety
/// `op` is a generator, a coroutine or an asynchronous generator.
pub(super) unsafe fn in_generator(op: *mut PyObject) -> Option<usize> {
    FLAVOUR
        .borrows_in_frames()
        .then_some(op as usize + size_of::<PyObject>() + IN_GENERATOR)
}

/// The frame that a frame object owns.
///
/// # Safety
/// `op` is a frame object.
pub(super) unsafe fn in_frame_object(op: *mut PyObject) -> Option<usize> {
    let own = op as usize + size_of::<PyObject>() + F_FRAME_DATA;
    // SAFETY: `op` is a frame object. A frame that the object does not own is not shown.
    (FLAVOUR.borrows_in_frames() && unsafe { field(op, F_FRAME) } as usize == own).then_some(own)
}

/// The objects whose references in the frame's words are not counted, once for each word. Immortal objects are left
/// out, since their counts are not judged.
///
/// # Safety
/// A frame's size can be read at `frame`.
pub(super) unsafe fn uncounted(frame: usize, visitor: &dyn Visitor) -> Vec<*mut PyObject> {
    let locals = frame + LOCALSPLUS;
    // SAFETY: a frame's size can be read. `is_readable` is asked before other words and the objects are read.
    unsafe {
        let word = |at: usize| *(at as *const usize);
        let end = word(frame + STACKPOINTER);
        let is_whole = end >= locals
            && (end - locals).is_multiple_of(size_of::<usize>())
            && visitor.is_readable(locals, end - locals);
        let end = if is_whole { end } else { locals };
        [frame + F_EXECUTABLE, frame + F_FUNCOBJ]
            .into_iter()
            .chain((locals..end).step_by(size_of::<usize>()))
            .map(word)
            .filter(|word| word & TAG_BITS == TAG_REFCNT && *word != TAG_REFCNT)
            .map(|word| (word & !TAG_BITS) as *mut PyObject)
            .filter(|&op| {
                visitor.is_readable(op as usize, size_of::<PyObject>())
                    && !Current::is_immortal(PyObject::count(op))
            })
            .collect()
    }
}
