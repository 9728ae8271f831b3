//! Writing the summary.

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

use crate::host::{descriptor, reserve};
use crate::report::{census, file, text};

/// Writes, at once, the summary that `PYREFCORE_REPORT` asks for at exit: births, deaths, and the number of live
/// objects by type. Each part is there if its watcher is on. It goes to the file `path`, or to the present standard
/// error where `path` is NULL. Returns 0, or -1 with `errno` set where it can't be written. A file is written under
/// another name in the same folder and then renamed. So `path` always names a complete file, the old or the new one.
/// Pipes and devices are written to directly, without waiting for a reader.
///
/// # Safety
/// `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_report(path: *const c_char) -> c_int {
    // SAFETY: the caller holds the host's lock.
    let summary = unsafe { reserve::within(|| Some(text::summary(&census::take()))) };
    let Some(summary) = summary else {
        // SAFETY: errno belongs to this thread, and can always be written.
        unsafe { *libc::__errno_location() = libc::ENOMEM };
        return -1;
    };
    let written = if path.is_null() {
        descriptor::write_all(libc::STDERR_FILENO, &summary)
    } else {
        // SAFETY: the caller promises a C string.
        let path = OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes());
        file::write(path.as_ref(), &summary)
    };
    let Err(error) = written else {
        return 0;
    };
    // SAFETY: errno belongs to this thread, and can always be written.
    unsafe { *libc::__errno_location() = error.raw_os_error().unwrap_or(libc::EIO) };
    -1
}
