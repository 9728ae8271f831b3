//! The summary.

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

use crate::host::{descriptor, reserve};
use crate::report::{census, file, text};

/// Writes the summary that `PYREFCORE_REPORT` asks for at exit, now: births, deaths, and what is alive by
/// type, each as far as its watcher is on. To the file `path`, or to standard error as it is now where that is NULL. 0, or
/// -1 with `errno` set where it can't be written. The file is written beside its place and moved there: it is the new one as a
/// whole, or still the old one. Pipes and devices are written to, without waiting for a reader.
///
/// # Safety
/// `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_report(path: *const c_char) -> c_int {
    let Some(summary) = reserve::within(|| Some(text::summary(&census::take()))) else {
        // SAFETY: errno belongs to this thread.
        unsafe { *libc::__errno_location() = libc::ENOMEM };
        return -1;
    };
    let written = if path.is_null() {
        descriptor::write_all(libc::STDERR_FILENO, &summary)
    } else {
        // SAFETY: the caller's promise.
        let path = OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes());
        file::write(path.as_ref(), &summary)
    };
    let Err(error) = written else {
        return 0;
    };
    // SAFETY: errno belongs to this thread.
    unsafe { *libc::__errno_location() = error.raw_os_error().unwrap_or(libc::EIO) };
    -1
}
