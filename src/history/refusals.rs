//! Reasons why this process must not be traced, each in one sentence.

use std::ffi::CStr;
use std::fs;

use crate::abi::FLAVOUR;
use crate::host;

const NOT_HERE: &CStr = c"the function was not named, because this needs a processor of x86-64";
const FREE_THREADED: &CStr =
    c"the function was not named, because this is not available on free-threaded builds yet";
const NO_PYTHON: &CStr = c"the function was not named, because this process has no CPython";
const DEBUGGER: &CStr =
    c"the function was not named, because a debugger is attached to this process";
const SHADOW_STACK: &CStr =
    c"the function was not named, because the processor checks return addresses with a shadow stack";
const BLOCKED: &CStr = c"the function was not named, because a thread blocks SIGTRAP";
const UNKNOWN: &CStr = c"the function was not named, because /proc/self/status can't be read";

/// Looks for a reason.
///
/// # Errors
/// The reason.
pub fn look() -> Result<(), &'static CStr> {
    if !cfg!(target_arch = "x86_64") {
        return Err(NOT_HERE);
    }
    if FLAVOUR.free_threaded {
        return Err(FREE_THREADED);
    }
    if !host::has_interpreter() {
        return Err(NO_PYTHON);
    }
    let status = fs::read_to_string("/proc/self/status").map_err(|_| UNKNOWN)?;
    judge(&status)?;
    for thread in fs::read_dir("/proc/self/task")
        .map_err(|_| UNKNOWN)?
        .flatten()
    {
        // A thread may have ended meanwhile.
        if let Ok(status) = fs::read_to_string(thread.path().join("status"))
            && blocks_traps(&status)
        {
            return Err(BLOCKED);
        }
    }
    Ok(())
}

fn judge(status: &str) -> Result<(), &'static CStr> {
    if field(status, "TracerPid:").is_some_and(|number| number != "0") {
        return Err(DEBUGGER);
    }
    let features = field(status, "x86_Thread_features:");
    if features.is_some_and(|features| features.contains("shstk")) {
        return Err(SHADOW_STACK);
    }
    Ok(())
}

/// Whether a thread blocks SIGTRAP. Then a trap would end the process.
fn blocks_traps(status: &str) -> bool {
    let mask = field(status, "SigBlk:").and_then(|mask| u64::from_str_radix(mask, 16).ok());
    mask.is_some_and(|mask| mask >> (libc::SIGTRAP - 1) & 1 != 0)
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    Some(line[name.len()..].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_tells_what_forbids_traps() {
        let fine = "Name:\tx\nTracerPid:\t0\nSigBlk:\t0000000000000000\nx86_Thread_features:\t\n";
        assert_eq!(judge(fine), Ok(()));
        assert_eq!(judge("TracerPid:\t12\n"), Err(DEBUGGER));
        assert_eq!(judge("x86_Thread_features:\tshstk \n"), Err(SHADOW_STACK));
        assert!(!blocks_traps(fine));
        assert!(blocks_traps("SigBlk:\t0000000000000010\n"));
        assert!(!blocks_traps("SigBlk:\t0000000000000008\n"));
    }
}
