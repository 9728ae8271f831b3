use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;

use super::descriptor::write_all;
use super::{Host, ThisHost};

/// Writes to standard error without a buffer, because the next step may crash. Ignores errors.
pub fn say(text: &str) {
    let _ = write_all(libc::STDERR_FILENO, text);
}

/// A duplicate of standard error, for a time when descriptor 2 may be closed or another file.
#[derive(Debug)]
pub struct KeptStderr {
    descriptor: c_int,
    file: Identity,
}

/// Identifies an open file: its device, its inode, and the device that it represents.
type Identity = (libc::dev_t, libc::ino_t, libc::dev_t);

/// Where the search for a free descriptor starts, best choice first. A program may expect the low numbers to be free; a
/// low limit excludes the high ones.
const BEGINNINGS: [c_int; 3] = [1000, 200, 3];

impl KeptStderr {
    /// Duplicates standard error. The duplicate is closed on `exec`.
    ///
    /// # Errors
    /// There is no standard error, or no free descriptor.
    pub fn new() -> io::Result<Self> {
        let file = identity(libc::STDERR_FILENO).ok_or_else(io::Error::last_os_error)?;
        for beginning in BEGINNINGS {
            // SAFETY: fcntl accepts any descriptor and any number here.
            let descriptor =
                unsafe { libc::fcntl(libc::STDERR_FILENO, libc::F_DUPFD_CLOEXEC, beginning) };
            if descriptor >= 0 {
                return Ok(Self { descriptor, file });
            }
        }
        // If the start is above the limit, fcntl reports EINVAL.
        Err(io::Error::from_raw_os_error(libc::EMFILE))
    }

    /// Writes to the file that was standard error, through the duplicate or descriptor 2. Writes nothing if neither is
    /// that file any more.
    pub fn say(&self, text: &str) {
        let names = [self.descriptor, libc::STDERR_FILENO];
        if let Some(name) = names.into_iter().find(|&name| self.is_behind(name)) {
            let _ = write_all(name, text);
        }
    }

    /// Closes the duplicate, unless the program has closed it and uses its number for another file.
    pub fn close(&self) {
        if self.is_behind(self.descriptor) {
            // SAFETY: the descriptor is ours.
            unsafe { libc::close(self.descriptor) };
        }
    }

    fn is_behind(&self, descriptor: c_int) -> bool {
        identity(descriptor) == Some(self.file)
    }
}

fn identity(descriptor: c_int) -> Option<Identity> {
    let mut data = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: fstat accepts any descriptor. `data` is read only if fstat has filled it.
    unsafe {
        (libc::fstat(descriptor, data.as_mut_ptr()) == 0).then(|| {
            let data = data.assume_init();
            (data.st_dev, data.st_ino, data.st_rdev)
        })
    }
}

/// Prints the message as CPython does, and ends the process.
#[cold]
pub fn fatal_python_error(message: &str) -> ! {
    say(&format!("Fatal Python error: {message}\n"));
    ThisHost::give_up()
}

/// Prints the reason on one line, and ends the process.
#[cold]
pub fn fatal(reason: &str) -> ! {
    say(&format!("pyrefcore: fatal: {reason}\n"));
    ThisHost::give_up()
}
