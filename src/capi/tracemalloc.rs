//! Memory blocks, as tracemalloc is told of them.

use std::ffi::{c_int, c_uint};

use crate::host;
use crate::watch::tracemalloc;

/// Tells tracemalloc that a block of `size` bytes was allocated at `ptr`: in a host the host's, otherwise
/// the library's own. A known block is replaced. 0; -1 where there is no memory; -2 where nothing is
/// traced. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn PyTraceMalloc_Track(domain: c_uint, ptr: usize, size: usize) -> c_int {
    if tracemalloc::is_surely_off() {
        return tracemalloc::NOT_TRACING;
    }
    match host::originals().PyTraceMalloc_Track {
        // SAFETY: the host's own function; it takes any numbers.
        Some(theirs) => unsafe { theirs(domain, ptr, size) },
        None => tracemalloc::track(domain, ptr, size),
    }
}

/// Tells tracemalloc that the block at `ptr` was given back. 0, also where it is unknown; -2 where nothing
/// is traced. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn PyTraceMalloc_Untrack(domain: c_uint, ptr: usize) -> c_int {
    if tracemalloc::is_surely_off() {
        return tracemalloc::NOT_TRACING;
    }
    match host::originals().PyTraceMalloc_Untrack {
        // SAFETY: the host's own function; it takes any numbers.
        Some(theirs) => unsafe { theirs(domain, ptr) },
        None => tracemalloc::untrack(domain, ptr),
    }
}
