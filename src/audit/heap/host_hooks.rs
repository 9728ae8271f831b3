//! The functions of the host that the audit calls.

use std::ffi::{CStr, c_void};
use std::sync::OnceLock;

use crate::abi::PyObject;

/// An exception as the host keeps it: three objects, or NULL.
pub type Error = [*mut PyObject; 3];

/// Which of CPython's blocks lie in the C heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CHeap {
    /// Blocks of the raw domain do. On free-threaded builds they do not from 3.15 on.
    pub has_raw: bool,
    /// Blocks of the other domains that are longer than 512 bytes do.
    pub has_long: bool,
}

/// The host's functions. The caller of each holds the host's lock; only `symbol` needs none.
#[derive(Clone, Copy, Debug)]
pub struct HostHooks {
    /// Hooks the allocator.
    pub open: unsafe fn() -> Result<(), &'static CStr>,
    /// Removes the hook; false if another hook has been set in front of it.
    pub close: unsafe fn() -> bool,
    /// Whether the hook is still called; `None` if there is no memory to test it.
    pub hears: unsafe fn() -> Option<bool>,
    /// An error if another thread may count or end objects during a snapshot.
    pub alone: unsafe fn() -> Result<(), &'static CStr>,
    /// Takes the exception that is being raised out of the thread state.
    pub put_error_aside: unsafe fn() -> Error,
    /// Puts the exception back, and drops one that was raised since.
    pub put_error_back: unsafe fn(Error),
    /// The address of one of the host's symbols, or null.
    pub symbol: fn(&CStr) -> *mut c_void,
    /// The interpreter that the caller's thread belongs to.
    pub interpreter: unsafe fn() -> usize,
    /// Gives a block back to the allocator behind the hook, which must have made it.
    pub give_back: unsafe fn(usize),
    /// Starts or stops the reporting of births; true if each birth is reported from now on.
    pub births: unsafe fn(bool) -> bool,
    /// Whether the host fills new blocks with a pattern that reveals mistakes.
    pub fills_blocks: unsafe fn() -> bool,
    /// Hooks the allocators of the `PyMem` and the raw domain, or removes those hooks. `young` already notes blocks by
    /// then.
    pub watch_domains: unsafe fn(bool),
    /// Which blocks of Python lie in the C heap; `None` if that can't be measured. Called while the hooks of
    /// `watch_domains` are set.
    pub c_heap: unsafe fn() -> Option<CHeap>,
    /// Calls its argument with each object that the collector tracks.
    pub tracked: unsafe fn(&mut dyn FnMut(*mut PyObject)) -> Result<(), &'static CStr>,
    /// For hosts whose containers have no links: calls its argument with each container that the collector tracks, and
    /// creates no object meanwhile. False if the host has no function for that.
    pub containers: unsafe fn(&mut dyn FnMut(*mut PyObject)) -> bool,
    /// The references to an object that threads count in their own tables, by the object's number there; `None` if the
    /// tables were not found.
    pub by_threads: unsafe fn(usize) -> Option<isize>,
    /// Calls its argument with each object that `atexit` holds and does not show. The object may be NULL.
    pub exit_callbacks: unsafe fn(&mut dyn FnMut(*mut PyObject)),
}

static HOOKS: OnceLock<HostHooks> = OnceLock::new();

/// Sets the host's functions. Called once, when there is a host.
pub fn set(hooks: HostHooks) {
    let _ = HOOKS.set(hooks);
}

/// The host's functions; `None` without a host.
pub fn host_hooks() -> Option<&'static HostHooks> {
    HOOKS.get()
}
