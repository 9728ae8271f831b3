//! Whether the collector tracks what looks like a container.

use super::blocks;
use super::memory::Memory;
use crate::abi::{FLAVOUR, Head, PyGC_Head, PyObject};
use crate::host;
use crate::lifecycle::gc;
use crate::refcount::{Current, Policy};

/// The low bits of both links are the collector's.
const LINK: usize = !3;

/// Whether the collector tracks a container: then it is complete, and may be asked what it holds.
///
/// A copy of a container's memory has links too, but those that they lead to do not lead back.
///
/// # Safety
/// `op` has the size of a container, with what lies in front of it.
pub(super) unsafe fn is_tracked(op: *mut PyObject, memory: &Memory) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        if !gc::is_gc(op) {
            return false;
        }
        if !gc::is_tracked(op) {
            // Once a second thread has run, 3.13 makes functions, types and modules immortal, and tracks them no more.
            return FLAVOUR.free_threaded && Current::is_immortal(PyObject::count(op));
        }
        if FLAVOUR.free_threaded || !host::has_interpreter() {
            return true;
        }
        let head = gc::head(op);
        let next = (*head)._gc_next & LINK;
        let size = size_of::<PyGC_Head>();
        // Nearly always another container; at the end of a generation its head, in static or allocated data.
        let can_be_read = blocks::room(next).is_some_and(|room| room >= size)
            || next >= size && blocks::room(next - size).is_some_and(|room| room >= 2 * size)
            || memory.is_static(next, size)
            || memory.is_readable(next, size);
        next.is_multiple_of(8)
            && can_be_read
            && (*(next as *const PyGC_Head))._gc_prev & LINK == head as usize
    }
}
