//! The functions that tell tracemalloc about memory blocks.

use std::ffi::{c_int, c_uint};

use crate::host;
use crate::watch::tracemalloc;

/// Tells tracemalloc that a block of `size` bytes was allocated at `ptr`. In a host this is the host's tracemalloc,
/// otherwise the library's own. A known block is replaced. Returns 0; -1 where there is no memory; -2 where nothing is
/// traced. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn PyTraceMalloc_Track(domain: c_uint, ptr: usize, size: usize) -> c_int {
    if tracemalloc::is_surely_off() {
        return tracemalloc::NOT_TRACING;
    }
    match host::originals().PyTraceMalloc_Track {
        // SAFETY: the host's function takes any numbers.
        Some(theirs) => unsafe { theirs(domain, ptr, size) },
        None => tracemalloc::track(domain, ptr, size),
    }
}

/// Tells tracemalloc that the block at `ptr` was freed. Returns 0, also where the block is unknown; -2 where
/// nothing is traced. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn PyTraceMalloc_Untrack(domain: c_uint, ptr: usize) -> c_int {
    if tracemalloc::is_surely_off() {
        return tracemalloc::NOT_TRACING;
    }
    match host::originals().PyTraceMalloc_Untrack {
        // SAFETY: the host's function takes any numbers.
        Some(theirs) => unsafe { theirs(domain, ptr) },
        None => tracemalloc::untrack(domain, ptr),
    }
}
