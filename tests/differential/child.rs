//! Work in a child process, which may crash.

use std::fs::File;
use std::io::Read;
use std::os::fd::FromRawFd;

/// How a child ended: the signal that killed it, or its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Exit(i32),
    Signal(i32),
}

/// Kills a child that still runs after this many seconds. `None`: never.
pub(crate) type Limit = Option<u32>;

/// Runs `work` in a child. If `quiet`, the child's standard error goes to /dev/null.
pub(crate) fn run(quiet: bool, limit: Limit, work: impl FnOnce() -> i32) -> End {
    // SAFETY: this program has one thread.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "a child can be started");
    if child == 0 {
        prepare(limit);
        if quiet {
            // SAFETY: the name is a C string, and no Rust object owns the descriptor that dup2 replaces.
            unsafe {
                libc::dup2(
                    libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY),
                    libc::STDERR_FILENO,
                )
            };
        }
        let status = work();
        // SAFETY: _exit may be called at any time.
        unsafe { libc::_exit(status) }
    }
    wait(child)
}

/// Runs `work` in a child and returns how it ended and what it wrote to standard error.
pub(crate) fn hear(limit: Limit, work: impl FnOnce()) -> (End, String) {
    let mut ends = [0; 2];
    // SAFETY: this program has one thread. pipe fills the two descriptors, and `File` owns the one that it closes.
    unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0, "a pipe can be made");
        let child = libc::fork();
        assert!(child >= 0, "a child can be started");
        if child == 0 {
            prepare(limit);
            libc::dup2(ends[1], libc::STDERR_FILENO);
            work();
            libc::_exit(0);
        }
        libc::close(ends[1]);
        let mut heard = Vec::new();
        File::from_raw_fd(ends[0])
            .read_to_end(&mut heard)
            .expect("a pipe can be read");
        (wait(child), String::from_utf8_lossy(&heard).into_owned())
    }
}

fn prepare(limit: Limit) {
    // SAFETY: the limits are a valid struct, and both calls change only this process.
    unsafe {
        libc::setrlimit(
            libc::RLIMIT_CORE,
            &libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            },
        );
        libc::alarm(limit.unwrap_or(0));
    }
}

fn wait(child: libc::pid_t) -> End {
    let mut status = 0;
    // SAFETY: `status` is writable.
    let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(ended, child, "a child can be waited for");
    if libc::WIFSIGNALED(status) {
        End::Signal(libc::WTERMSIG(status))
    } else {
        End::Exit(libc::WEXITSTATUS(status))
    }
}
