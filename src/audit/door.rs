//! What the place we live in does for the audit.

use std::ffi::{CStr, c_void};
use std::sync::OnceLock;

use super::unheld::CHeap;
use crate::abi::PyObject;

/// An exception as the host keeps it: three objects, or NULL.
pub type Error = [*mut PyObject; 3];

/// The host's part. The caller holds its lock.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// Hooks the allocator.
    pub open: fn() -> Result<(), &'static CStr>,
    /// Takes the hook out; false where another hook stands in front.
    pub close: fn() -> bool,
    /// Whether the hook is still called; `None` where there is no memory to try.
    pub hears: fn() -> Option<bool>,
    /// Says why another thread may count or end objects while one looks, if one may.
    pub alone: fn() -> Result<(), &'static CStr>,
    /// Takes the exception that is being raised out of the host's hands.
    pub put_error_aside: fn() -> Error,
    /// Puts it back, in the place of any other.
    pub put_error_back: fn(Error),
    /// The address of one of the host's symbols, or null.
    pub symbol: fn(&CStr) -> *mut c_void,
    /// The interpreter that the caller's thread belongs to.
    pub interpreter: fn() -> usize,
    /// Gives a block back to the allocator that the hook is in front of.
    pub give_back: fn(usize),
    /// Begins to hear of births, or ends it; true where each one is heard of from now on.
    pub births: fn(bool) -> bool,
    /// Whether the host fills blocks that it hands out with a pattern of its own, to find mistakes.
    pub fills_blocks: fn() -> bool,
    /// Hooks the allocators of the `PyMem` and the raw domain, or takes those hooks out. Blocks are noted by then.
    pub watch_domains: fn(bool),
    /// Which blocks of Python lie in the C heap; `None` where that can't be found out. Called while those hooks are there.
    pub c_heap: fn() -> Option<CHeap>,
    /// Calls what it is given with each object that the collector tracks.
    pub tracked: fn(&mut dyn FnMut(*mut PyObject)) -> Result<(), &'static CStr>,
    /// Where containers have no links: calls what it is given with each one that the collector tracks, and makes no object
    /// meanwhile; false where the host has no function for it.
    pub containers: fn(&mut dyn FnMut(*mut PyObject)) -> bool,
    /// References that threads have counted in tables of their own, by the object's number there; `None` where those were not
    /// found.
    pub by_threads: fn(usize) -> Option<isize>,
    /// Calls what it is given with each object, or NULL, that `atexit` holds and does not show.
    pub exit_callbacks: fn(&mut dyn FnMut(*mut PyObject)),
}

static DOOR: OnceLock<Door> = OnceLock::new();

/// From now on there is a host that can be attached to. Called once.
pub fn enter_through(door: Door) {
    let _ = DOOR.set(door);
}

/// `None` where there is no host.
pub(super) fn door() -> Option<&'static Door> {
    DOOR.get()
}
