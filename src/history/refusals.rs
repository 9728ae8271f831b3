//! Reasons why this process must not be traced, each in one sentence.

use std::ffi::CStr;
use std::fs;

use super::threads::{self, field};
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
    look_at_threads()
}

/// Looks for a thread that blocks SIGTRAP.
///
/// # Errors
/// The reason.
pub fn look_at_threads() -> Result<(), &'static CStr> {
    if threads::block_traps().map_err(|_| UNKNOWN)? {
        return Err(BLOCKED);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_tells_what_forbids_traps() {
        let fine = "Name:\tx\nTracerPid:\t0\nx86_Thread_features:\t\n";
        assert_eq!(judge(fine), Ok(()));
        assert_eq!(judge("TracerPid:\t12\n"), Err(DEBUGGER));
        assert_eq!(judge("x86_Thread_features:\tshstk \n"), Err(SHADOW_STACK));
    }
}
