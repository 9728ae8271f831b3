//! The summary.

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

use crate::host::reserve;
use crate::report::{census, text};

/// Writes the summary that `PYREFCORE_REPORT` asks for at exit, now: births, deaths, and what is alive by
/// type, each as far as its watcher is on. To the file `path`, or to standard error where that is NULL. 0, or
/// -1 with `errno` set where the file can't be written.
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
    if path.is_null() {
        crate::host::say(&summary);
        return 0;
    }
    // SAFETY: the caller's promise.
    let path = OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes());
    if std::fs::write(path, summary).is_ok() {
        0
    } else {
        -1
    }
}
