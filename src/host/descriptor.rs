//! Writes to a descriptor that another process may read.

use std::ffi::c_int;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::ptr;

/// How long a write waits for the reader of a full pipe, in milliseconds.
const PATIENCE: c_int = 2000;

/// Writes the whole text with `write(2)`, without a buffer. If a non-blocking descriptor is full, waits for the reader.
///
/// # Errors
/// The system's error. `EAGAIN` if nothing was read from a full pipe for two seconds. The signal SIGPIPE is not
/// delivered.
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

/// Waits until the descriptor accepts data; false after `PATIENCE`.
fn has_room(descriptor: c_int) -> bool {
    let mut asked = libc::pollfd {
        fd: descriptor,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: `asked` is one structure, and the count is 1.
    // An interrupted wait counts as room: the caller then writes or waits again.
    unsafe { libc::poll(&raw mut asked, 1, PATIENCE) != 0 }
}

/// Runs `work` with SIGPIPE blocked: a pipe without a reader must not end this process.
fn without_sigpipe<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: every signal set is initialised before use. A SIGPIPE from `work` is consumed before the old mask
    // returns.
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
    // SAFETY: sigemptyset initialises the whole set.
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

    /// A pipe whose write end does not block: the read end, then the write end.
    fn pipe() -> [File; 2] {
        let mut ends = [0; 2];
        // SAFETY: pipe2 fills both descriptors, and only the files own them afterwards.
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
    fn a_pipe_without_a_reader_is_given_up() {
        let [_from, to] = pipe();
        let error = write_all(to.as_raw_fd(), &"text".repeat(20_000)).expect_err("no room");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn a_reader_that_has_left_does_not_end_the_process() {
        // SAFETY: the child restores the default action of SIGPIPE, which Rust ignores, and leaves with `_exit`.
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
