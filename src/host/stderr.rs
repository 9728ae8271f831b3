use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;

use super::descriptor::write_all;
use super::{Host, ThisHost};

/// Writes to standard error at once: past every buffer, because the next step may crash. What can't be written is lost.
pub fn say(text: &str) {
    let _ = write_all(libc::STDERR_FILENO, text);
}

/// Standard error as it is now, for a time when descriptor 2 may be something else.
#[derive(Debug)]
pub struct KeptStderr {
    descriptor: c_int,
    file: Identity,
}

/// What tells one open file from another.
type Identity = (libc::dev_t, libc::ino_t, libc::dev_t);

/// Where the search for a free descriptor begins: a program may count on the low ones, and its limit may be low.
const BEGINNINGS: [c_int; 3] = [1000, 200, 3];

impl KeptStderr {
    /// Keeps it, in a descriptor that no child program inherits.
    ///
    /// # Errors
    /// There is no standard error, or no free descriptor.
    pub fn new() -> io::Result<Self> {
        let file = identity(libc::STDERR_FILENO).ok_or_else(io::Error::last_os_error)?;
        for beginning in BEGINNINGS {
            // SAFETY: fcntl takes any descriptor and this number.
            let descriptor =
                unsafe { libc::fcntl(libc::STDERR_FILENO, libc::F_DUPFD_CLOEXEC, beginning) };
            if descriptor >= 0 {
                return Ok(Self { descriptor, file });
            }
        }
        // A beginning above the limit is refused in other words.
        Err(io::Error::from_raw_os_error(libc::EMFILE))
    }

    /// Writes there at once. Nothing is written if the program has closed it under all the names that are known.
    pub fn say(&self, text: &str) {
        let names = [self.descriptor, libc::STDERR_FILENO];
        if let Some(name) = names.into_iter().find(|&name| self.is_behind(name)) {
            let _ = write_all(name, text);
        }
    }

    /// Gives the descriptor back, unless the program has closed it and uses its number for another file.
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
    // SAFETY: fstat takes any descriptor and fills what it is given.
    unsafe {
        (libc::fstat(descriptor, data.as_mut_ptr()) == 0).then(|| {
            let data = data.assume_init();
            (data.st_dev, data.st_ino, data.st_rdev)
        })
    }
}

/// Says why, as CPython does, and ends the process.
#[cold]
pub fn fatal_python_error(message: &str) -> ! {
    say(&format!("Fatal Python error: {message}\n"));
    ThisHost::give_up()
}

/// Says why, in one line, and ends the process.
#[cold]
pub fn fatal(reason: &str) -> ! {
    say(&format!("pyrefcore: fatal: {reason}\n"));
    ThisHost::give_up()
}
