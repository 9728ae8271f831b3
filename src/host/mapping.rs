//! Maps memory for this library.

use std::ffi::c_void;
use std::ptr::null_mut;

/// Maps `bytes` zero bytes; `None` if there is no memory. The kernel supplies a page only when it is touched.
pub fn zeroes(bytes: usize) -> Option<*mut c_void> {
    // SAFETY: a new private mapping touches no memory that is in use.
    let start = unsafe {
        libc::mmap(
            null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    (start != libc::MAP_FAILED).then_some(start)
}
