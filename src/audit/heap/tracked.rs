//! Which containers the collector tracks.

use rustc_hash::FxHashSet;

use super::blocks;
use super::host_hooks::host_hooks;
use super::memory::Memory;
use crate::abi::{FLAVOUR, Head, PyGC_Head, PyObject};
use crate::host;
use crate::lifecycle::gc;
use crate::refcount::{Current, Policy};

/// The low bits of both links are flags of the collector.
const LINK: usize = !3;

/// The containers that the collector tracks. It stays true while the host's lock is held.
#[derive(Debug)]
pub(in crate::audit) struct Tracked {
    /// All tracked containers, if they have no links: in a free-threaded host.
    all: Option<FxHashSet<usize>>,
}

impl Tracked {
    /// Asks the collector, if containers have no links.
    ///
    /// # Safety
    /// The host's lock is held.
    pub(in crate::audit) unsafe fn look() -> Self {
        let mut all = FxHashSet::default();
        let is_told = FLAVOUR.free_threaded
            // SAFETY: the host's lock is held, as the caller promises.
            && host_hooks().is_some_and(|hooks| unsafe {
                (hooks.containers)(&mut |op| {
                    all.insert(op as usize);
                })
            });
        Self {
            all: is_told.then_some(all),
        }
    }

    /// Whether the collector tracks a container. A tracked container is complete, and its `tp_traverse` may be called.
    ///
    /// A copy of a container's memory looks tracked, too. But the collector does not know the copy. The containers that
    /// its links lead to do not link back. Without links, the collector does not list the copy.
    ///
    /// # Safety
    /// `op` has the size of a container, with the words in front of it.
    pub(in crate::audit) unsafe fn has(&self, op: *mut PyObject, memory: &Memory) -> bool {
        // SAFETY: `op` has the size of a container, with the words in front of it.
        unsafe {
            if !gc::is_gc(op) {
                return false;
            }
            if !gc::is_tracked(op) {
                // Once a second thread has run, 3.13 makes functions, types and modules immortal and stops tracking
                // them.
                return FLAVOUR.free_threaded && Current::is_immortal(PyObject::count(op));
            }
            if let Some(all) = &self.all {
                return all.contains(&(op as usize));
            }
            FLAVOUR.free_threaded || !host::has_interpreter() || leads_back(op, memory)
        }
    }
}

/// Whether the next container, or the head of the generation's list, has a link back to `op`.
///
/// # Safety
/// `op` has the size of a container, with its links in front of it.
unsafe fn leads_back(op: *mut PyObject, memory: &Memory) -> bool {
    let head = gc::head(op);
    // SAFETY: the links lie in front of `op`.
    let next = unsafe { (*head)._gc_next } & LINK;
    let size = size_of::<PyGC_Head>();
    // The next link nearly always leads to a container. At the end of a generation it leads to the list's head, in
    // static or allocated memory.
    let can_be_read = blocks::room(next).is_some_and(|room| room >= size)
        || next >= size && blocks::room(next - size).is_some_and(|room| room >= 2 * size)
        || memory.is_static(next, size)
        || memory.is_readable(next, size);
    next.is_multiple_of(8)
        && can_be_read
        // SAFETY: both links can be read there, and the address is aligned.
        && unsafe { (*(next as *const PyGC_Head))._gc_prev } & LINK == head as usize
}
