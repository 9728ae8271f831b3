//! The library's own allocator. It maps its memory itself, and takes none from the C heap.
//!
//! The memory that the library frees is full of object addresses. If it came from the C heap, malloc could give it to
//! an extension. The audit would then take the addresses in uninitialised fields for references.

/// The type of the allocator. With sanitizers, and in Rust programs, it is the C library's.
#[cfg(not(any(feature = "unwinding", feature = "system-allocator")))]
pub(super) use dlmalloc::GlobalDlmalloc as Own;
#[cfg(any(feature = "unwinding", feature = "system-allocator"))]
pub(super) use std::alloc::System as Own;

/// The allocator.
pub(super) const OWN: Own = Own;

/// Lets a child process allocate, even if another thread was allocating at the fork. Called before this library sets
/// any other fork handler: handlers run in reverse order before a fork, so the later ones can still allocate.
pub fn survive_forks() {
    // SAFETY: called by the loader, before the first allocation.
    unsafe { dlmalloc::enable_alloc_after_fork() }
}
