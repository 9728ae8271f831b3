//! Writing to a descriptor that others read from.

use std::ffi::c_int;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::ptr;

/// How long a reader may leave a full pipe as it is, in milliseconds.
const PATIENCE: c_int = 2000;

/// Writes all of a text at once, past every buffer. A descriptor that never blocks is waited for.
///
/// # Errors
/// What the system says; `EAGAIN` where no reader has come for two seconds. The signal SIGPIPE is not delivered.
pub fn write_all(descriptor: c_int, text: &str) -> io::Result<()> {
    without_sigpipe(|| {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            // SAFETY: the pointer and the length are those of one slice.
            let written = unsafe { libc::write(descriptor, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(written) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => rest = &rest[n..],
                Err(_) => {
                    let error = io::Error::last_os_error();
                    let goes_on = match error.kind() {
                        ErrorKind::Interrupted => true,
                        ErrorKind::WouldBlock => has_room(descriptor),
                        _ => false,
                    };
                    if !goes_on {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    })
}

/// Waits until something can be written; false where nothing can after a while.
fn has_room(descriptor: c_int) -> bool {
    let mut asked = libc::pollfd {
        fd: descriptor,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: it is one structure. An interrupted wait is begun anew.
    unsafe { libc::poll(&raw mut asked, 1, PATIENCE) != 0 }
}

/// Works without SIGPIPE: a reader that has left must not end this process.
fn without_sigpipe<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: each set is made before it is used. One signal that came meanwhile is taken back before the mask is.
    unsafe {
        let (mut pipe, mut before, mut pending) = (empty(), empty(), empty());
        libc::sigaddset(&raw mut pipe, libc::SIGPIPE);
        libc::sigpending(&raw mut pending);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const pipe, &raw mut before);
        let done = work();
        if libc::sigismember(&raw const pending, libc::SIGPIPE) == 0 {
            let at_once = libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            libc::sigtimedwait(&raw const pipe, ptr::null_mut(), &raw const at_once);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
        done
    }
}

fn empty() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset fills what it is given.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::{AsRawFd, FromRawFd};

    /// A pipe that never blocks its writer: where it is read from, and where it is written to.
    fn pipe() -> [File; 2] {
        let mut ends = [0; 2];
        // SAFETY: pipe2 fills the two descriptors, which belong to the files from then on.
        unsafe {
            assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
            libc::fcntl(ends[1], libc::F_SETFL, libc::O_NONBLOCK);
            ends.map(|end| File::from_raw_fd(end))
        }
    }

    #[test]
    fn a_full_pipe_is_waited_for() {
        let [mut from, to] = pipe();
        let text = "0123456789abcdef".repeat(20_000);
        let reader = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(50));
            let mut read = String::new();
            from.read_to_string(&mut read).map(|_| read)
        });
        write_all(to.as_raw_fd(), &text).expect("written");
        drop(to);
        let read = reader.join().expect("the thread ends").expect("read");
        assert_eq!(read, text);
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_given_up() {
        let [_from, to] = pipe();
        let error = write_all(to.as_raw_fd(), &"text".repeat(20_000)).expect_err("no room");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn a_reader_that_has_left_ends_nothing() {
        // SAFETY: the child gives SIGPIPE its meaning back, which Rust has taken away, and ends.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::signal(libc::SIGPIPE, libc::SIG_DFL);
                let [from, to] = pipe();
                drop(from);
                let error = write_all(to.as_raw_fd(), "text").expect_err("no reader");
                libc::_exit(i32::from(error.kind() != ErrorKind::BrokenPipe));
            }
            let mut status = 0;
            libc::waitpid(child, &raw mut status, 0);
            assert_eq!(status, 0);
        }
    }
}
