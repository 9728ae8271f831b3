//! Which containers the collector tracks.

use rustc_hash::FxHashSet;

use super::blocks;
use super::door::door;
use super::memory::Memory;
use crate::abi::{FLAVOUR, Head, PyGC_Head, PyObject};
use crate::host;
use crate::lifecycle::gc;
use crate::refcount::{Current, Policy};

/// The low bits of both links are the collector's.
const LINK: usize = !3;

/// What the collector says of its containers. It stays true while the host's lock is held.
#[derive(Debug)]
pub(super) struct Tracked {
    /// All of them, where they have no links: in a free-threaded host.
    all: Option<FxHashSet<usize>>,
}

impl Tracked {
    /// Asks the collector, where it has to be asked.
    pub(super) fn look() -> Self {
        let mut all = FxHashSet::default();
        let is_told = FLAVOUR.free_threaded
            && door().is_some_and(|door| {
                (door.containers)(&mut |op| {
                    all.insert(op as usize);
                })
            });
        Self {
            all: is_told.then_some(all),
        }
    }

    /// Whether the collector tracks a container: then it is complete, and may be asked what it holds.
    ///
    /// A copy of a container's memory says so too. But the collector does not know it: those that the links of a copy
    /// lead to do not lead back, and where there are no links it is not among those that the collector tells of.
    ///
    /// # Safety
    /// `op` has the size of a container, with what lies in front of it.
    pub(super) unsafe fn has(&self, op: *mut PyObject, memory: &Memory) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            if !gc::is_gc(op) {
                return false;
            }
            if !gc::is_tracked(op) {
                // Once a second thread has run, 3.13 makes functions, types and modules immortal, and tracks them no more.
                return FLAVOUR.free_threaded && Current::is_immortal(PyObject::count(op));
            }
            if let Some(all) = &self.all {
                return all.contains(&(op as usize));
            }
            FLAVOUR.free_threaded || !host::has_interpreter() || leads_back(op, memory)
        }
    }
}

/// Whether the container behind this one, or the end of their generation, has a link to it.
///
/// # Safety
/// `op` has the size of a container, with its links in front of it.
unsafe fn leads_back(op: *mut PyObject, memory: &Memory) -> bool {
    let head = gc::head(op);
    // SAFETY: the caller's promise.
    let next = unsafe { (*head)._gc_next } & LINK;
    let size = size_of::<PyGC_Head>();
    // Nearly always another container; at the end of a generation its head, in static or allocated data.
    let can_be_read = blocks::room(next).is_some_and(|room| room >= size)
        || next >= size && blocks::room(next - size).is_some_and(|room| room >= 2 * size)
        || memory.is_static(next, size)
        || memory.is_readable(next, size);
    next.is_multiple_of(8)
        && can_be_read
        // SAFETY: both links can be read there.
        && unsafe { (*(next as *const PyGC_Head))._gc_prev } & LINK == head as usize
}
