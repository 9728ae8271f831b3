//! The threads of this process, as the kernel lists them.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// A thread on its way out of a handler blocks signals for less than this, unless other threads have the processor.
const MOMENT: Duration = Duration::from_millis(1);
/// A thread that waits for the processor gets it within so many moments.
const MOMENTS: u32 = 100;

/// The folder of each thread.
fn all() -> io::Result<Vec<PathBuf>> {
    let folders = fs::read_dir("/proc/self/task")?;
    folders.map(|thread| Ok(thread?.path())).collect()
}

/// Whether the caller's thread is the only one. False if that is not known.
#[must_use]
pub fn is_alone() -> bool {
    all().is_ok_and(|threads| threads.len() == 1)
}

/// Whether a thread blocks SIGTRAP, for longer than a handler takes. Then a trap would end the process.
///
/// # Errors
/// The system's error if the list can't be read.
pub fn block_traps() -> io::Result<bool> {
    Ok(all()?.iter().any(|thread| {
        // A thread may have ended meanwhile.
        let blocks = || {
            let status = fs::read_to_string(thread.join("status"));
            status.is_ok_and(|status| blocks_traps(&status))
        };
        (0..MOMENTS).all(|moment| {
            thread::sleep(moment.min(1) * MOMENT);
            blocks()
        })
    }))
}

fn blocks_traps(status: &str) -> bool {
    let mask = field(status, "SigBlk:").and_then(|mask| u64::from_str_radix(mask, 16).ok());
    mask.is_some_and(|mask| mask >> (libc::SIGTRAP - 1) & 1 != 0)
}

/// The value of a line in the kernel's status of a thread.
pub fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    Some(line[name.len()..].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_tells_whether_traps_are_blocked() {
        assert!(!blocks_traps("Name:\tx\nSigBlk:\t0000000000000000\n"));
        assert!(blocks_traps("SigBlk:\t0000000000000010\n"));
        assert!(!blocks_traps("SigBlk:\t0000000000000008\n"));
    }

    #[test]
    fn another_thread_is_counted() {
        // The harness of the tests has a thread of its own.
        assert!(!is_alone() && all().expect("the list can be read").len() > 1);
    }
}
