//! The library's own memory: maps of its own, and nothing of the C heap.
//!
//! What the library has given back is full of addresses of objects. In the C heap an extension's new object would find them
//! in its uninitialised fields, and the audit would take them for references.

/// Where the library's memory comes from; for sanitizers, and in programs of Rust, from the C library.
#[cfg(not(any(feature = "unwinding", feature = "system-allocator")))]
pub(super) use dlmalloc::GlobalDlmalloc as Own;
#[cfg(any(feature = "unwinding", feature = "system-allocator"))]
pub(super) use std::alloc::System as Own;

/// The one that there is.
pub(super) const OWN: Own = Own;

/// From now on a child process can allocate, whatever other threads did at the fork. Called before any other fork handler of
/// this library is set: the handlers that are set later allocate, and run before the lock is taken.
pub fn survive_forks() {
    // SAFETY: the loader calls this before anything has been allocated.
    unsafe { dlmalloc::enable_alloc_after_fork() }
}
