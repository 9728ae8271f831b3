//! Calls of the C library after which a trap would end the process, or would be written to unmapped memory.
//!
//! While a run is traced, a trap stands at the entry of each of these functions. Masks of signals then never block
//! SIGTRAP. A program that takes over SIGTRAP, or unloads a library, first gets its code back.

use std::ffi::{CStr, c_int, c_void};
use std::mem::{MaybeUninit, offset_of};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::libraries::symbol;
use super::site::{Kinds, Site, Step};
use super::sites::{Found, LONGEST_INSTRUCTION};
use crate::host;

/// The functions. The index of each is that of its site's function.
const NAMES: [&CStr; 4] = [c"pthread_sigmask", c"sigprocmask", c"sigaction", c"dlclose"];
const SIGACTION: u32 = 2;
const DLCLOSE: u32 = 3;

/// A set of signals, as the kernel takes it.
type Signals = u64;
const TRAP: Signals = bit(libc::SIGTRAP);
/// The two signals that the C library needs for itself, and never lets a program block.
const RESERVED: Signals = bit(32) | bit(33);
const LAST_SIGNAL: c_int = 64;

const fn bit(signal: c_int) -> Signals {
    1 << (signal - 1)
}

/// Whether the traced thread wants SIGTRAP to be blocked.
static IS_BLOCKED: AtomicBool = AtomicBool::new(false);
/// The signals whose handlers want SIGTRAP to be blocked, and run without that for now.
static LOOSENED: AtomicU64 = AtomicU64::new(0);

/// How a thread goes on at the entry of one of the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The function runs.
    Run,
    /// What the function does is done; it returns 0.
    Return,
    /// No code may stay changed. Then the function runs.
    RestoreAll,
}

/// The entries of the functions. A function that can't be found has none.
#[must_use]
pub fn sites() -> Found {
    let mut found = Found::default();
    for (number, name) in NAMES.into_iter().enumerate() {
        let address = symbol(name);
        if address != 0 {
            let code = address..address + LONGEST_INSTRUCTION;
            found.add_one(&code, Kinds::FATAL_CALL, number as u32);
        }
    }
    found
}

/// Looks at a call of the function at a site, with its first three arguments. `mask` has the signals that the calling
/// thread blocks when it goes on.
///
/// # Safety
/// A thread is at the site, and would call the function with these arguments.
pub unsafe fn meet(
    site: &Site,
    arguments: [usize; 3],
    mask: &mut Signals,
    is_traced: bool,
) -> Next {
    match site.function {
        DLCLOSE => Next::RestoreAll,
        // SAFETY: the caller's promise is the callee's.
        SIGACTION => unsafe { set_handler(site, arguments) },
        _ => block(arguments, mask, is_traced),
    }
}

/// Does what `pthread_sigmask` does, except that SIGTRAP stays unblocked.
fn block([how, set, old]: [usize; 3], mask: &mut Signals, is_traced: bool) -> Next {
    let Some(set) = host::read::<Signals>(set) else {
        // No set, or a bad address.
        return Next::Run;
    };
    // Relaxed, in this file: only the traced thread, or one that holds the host's lock, reads what it has written.
    let wanted = *mask
        | if is_traced && IS_BLOCKED.load(Ordering::Relaxed) {
            TRAP
        } else {
            0
        };
    let blocked = match how as c_int {
        libc::SIG_BLOCK => wanted | set,
        libc::SIG_UNBLOCK => wanted & !set,
        libc::SIG_SETMASK => set,
        _ => return Next::Run,
    };
    if old != 0 {
        if host::read::<Signals>(old).is_none() {
            return Next::Run;
        }
        // SAFETY: the caller gave this place for the old set, and memory is there.
        unsafe { (old as *mut Signals).write_unaligned(wanted) };
    }
    if is_traced {
        IS_BLOCKED.store(blocked & TRAP != 0, Ordering::Relaxed);
    }
    *mask = blocked & !(TRAP | RESERVED);
    Next::Return
}

/// The words of a `struct sigaction`, and those in front of its mask.
const WORDS: usize = size_of::<libc::sigaction>() / size_of::<u64>();
const MASK: usize = offset_of!(libc::sigaction, sa_mask) / size_of::<u64>();

type Function = unsafe extern "C" fn(c_int, *const c_void, *mut c_void) -> c_int;

/// Calls `sigaction` with a mask without SIGTRAP, if its mask has it.
///
/// # Safety
/// As [`meet`].
unsafe fn set_handler(site: &Site, [signal, action, old]: [usize; 3]) -> Next {
    let Some(mut action) = host::read::<[u64; WORDS]>(action) else {
        return Next::Run;
    };
    if signal as c_int == libc::SIGTRAP {
        return Next::RestoreAll;
    }
    let Step::Copy(copy) = site.step else {
        return Next::Run;
    };
    if action[MASK] & TRAP == 0 {
        return Next::Run;
    }
    action[MASK] &= !TRAP;
    // SAFETY: the copy of the function's first instruction, behind which the function goes on, is the function. It is
    // safe in a handler. The other arguments are the caller's.
    let result = unsafe {
        let function = std::mem::transmute::<usize, Function>(copy);
        function(signal as c_int, action.as_ptr().cast(), old as *mut c_void)
    };
    if result != 0 {
        return Next::Run;
    }
    LOOSENED.fetch_or(bit(signal as c_int), Ordering::Relaxed);
    Next::Return
}

/// Lets handlers of signals run with SIGTRAP unblocked from now on. No code is changed yet.
pub fn loosen() {
    for signal in 1..=LAST_SIGNAL {
        change(signal, false);
    }
}

/// Takes back what [`loosen`] and [`meet`] have done. No code is changed any more. Safe in the child of a fork.
pub fn tighten() {
    let loosened = LOOSENED.swap(0, Ordering::Relaxed);
    for signal in 1..=LAST_SIGNAL {
        if loosened & bit(signal) != 0 {
            change(signal, true);
        }
    }
    if IS_BLOCKED.swap(false, Ordering::Relaxed) {
        // SAFETY: the set is valid.
        unsafe {
            let mut set = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
            libc::sigaddset(&raw mut set, libc::SIGTRAP);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, null_mut());
        }
    }
}

/// Adds SIGTRAP to the mask of a signal's handler, or removes it.
fn change(signal: c_int, to_block: bool) {
    // SAFETY: the structure is valid, and zeroes are a valid value. Only the mask is changed.
    unsafe {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        if signal == libc::SIGTRAP
            || libc::sigaction(signal, null(), &raw mut action) != 0
            || [libc::SIG_DFL, libc::SIG_IGN].contains(&action.sa_sigaction)
            || (libc::sigismember(&raw const action.sa_mask, libc::SIGTRAP) == 1) == to_block
        {
            return;
        }
        if to_block {
            libc::sigaddset(&raw mut action.sa_mask, libc::SIGTRAP);
        } else {
            libc::sigdelset(&raw mut action.sa_mask, libc::SIGTRAP);
        }
        if libc::sigaction(signal, &raw const action, null_mut()) == 0 && !to_block {
            LOOSENED.fetch_or(bit(signal), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_never_blocks_traps_and_the_program_does_not_see_it() {
        let (mut mask, mut old): (Signals, Signals) = (bit(2), 0);
        let place = &raw mut old as usize;
        let mut block = |how, set: Signals| {
            let next = super::block(
                [how as usize, &raw const set as usize, place],
                &mut mask,
                true,
            );
            // SAFETY: a variable of this test.
            (next, mask, unsafe { (place as *const Signals).read() })
        };
        let (blocks, sets) = (libc::SIG_BLOCK, libc::SIG_SETMASK);
        assert_eq!(
            block(blocks, TRAP | bit(5)),
            (Next::Return, bit(2) | bit(5) & !TRAP, bit(2))
        );
        assert_eq!(
            block(sets, bit(7) | bit(32)),
            (Next::Return, bit(7), bit(2) | TRAP)
        );
        assert!(!IS_BLOCKED.load(Ordering::Relaxed));
    }
}
