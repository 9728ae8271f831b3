//! Calls of the C library after which a trap would end the process, or would be written to unmapped memory.
//!
//! While a run is traced, a trap stands at the entry of each of these functions. Masks of signals then never block
//! SIGTRAP. A program that takes over SIGTRAP, unloads a library, or starts a program that shares its memory for a
//! moment, first gets its code back.

use std::ffi::{CStr, c_int, c_void};
use std::mem::{MaybeUninit, offset_of};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

use super::libraries::{BLOCKING, symbol};
use super::site::{Kinds, Site, Step};
use super::sites::{Found, LONGEST_INSTRUCTION};
use crate::host;

/// The functions. The index of each is that of its site's function. All code is restored before those from
/// [`FIRST_TO_RESTORE`] on. The C library blocks all signals in a child that it starts, without the first functions.
const NAMES: [&CStr; 9] = [
    BLOCKING[0],
    BLOCKING[1],
    c"sigaction",
    c"dlclose",
    c"posix_spawn",
    c"posix_spawnp",
    c"system",
    c"popen",
    c"wordexp",
];
const PTHREAD_SIGMASK: u32 = 0;
/// The index of `sigaction`.
pub(crate) const SIGACTION: u32 = 2;
const FIRST_TO_RESTORE: u32 = 3;

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

/// The process that is traced. The child of a `vfork` has the same memory, and signals of its own.
static PROCESS: AtomicI32 = AtomicI32::new(0);

fn is_child() -> bool {
    // Relaxed, in this file: only the traced thread, or one that holds the host's lock, reads what it has written.
    // SAFETY: it takes nothing.
    PROCESS.load(Ordering::Relaxed) != unsafe { libc::getpid() }
}

/// How a thread goes on at the entry of one of the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The function runs.
    Run,
    /// What the function does is done. It returns this number, and sets `errno` to the other one unless that is 0.
    Return(i64, c_int),
    /// No code may stay changed. Then the function runs.
    RestoreAll,
}

const DONE: Next = Next::Return(0, 0);

/// The entries of the functions. A function that can't be found has none. Beside other threads the first ones have none
/// either: such a thread may call them while it blocks SIGTRAP, and a trap would end the process.
#[must_use]
pub fn sites(is_alone: bool) -> Found {
    let mut found = Found::default();
    for (number, name) in NAMES.into_iter().enumerate() {
        let address = symbol(name);
        if address != 0 && (is_alone || number as u32 >= FIRST_TO_RESTORE) {
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
    let is_traced = is_traced && !is_child();
    let next = match site.function {
        FIRST_TO_RESTORE.. => Next::RestoreAll,
        // SAFETY: the caller's promise is the callee's.
        SIGACTION => unsafe { set_handler(site, arguments) },
        function => block(function, arguments, mask, is_traced),
    };
    if next == Next::RestoreAll && is_traced && IS_BLOCKED.swap(false, Ordering::Relaxed) {
        *mask |= TRAP;
    }
    next
}

/// Writes words to the program's memory; false if that can't be written to.
fn store(address: usize, words: &[u64]) -> bool {
    let bytes = size_of_val(words);
    let [ours, theirs] = [words.as_ptr() as usize, address].map(|start| libc::iovec {
        iov_base: start as *mut c_void,
        iov_len: bytes,
    });
    // SAFETY: `ours` has so many bytes, and the kernel checks `theirs`.
    let written = unsafe { libc::process_vm_writev(libc::getpid(), &ours, 1, &theirs, 1, 0) };
    written == bytes as isize
}

/// Does what `pthread_sigmask` does, except that SIGTRAP stays unblocked.
fn block(function: u32, [how, set, old]: [usize; 3], mask: &mut Signals, is_traced: bool) -> Next {
    let is_blocked = is_traced && IS_BLOCKED.load(Ordering::Relaxed);
    let wanted = *mask | if is_blocked { TRAP } else { 0 };
    let blocked = match (set, host::read::<Signals>(set), how as c_int) {
        (0, ..) if is_blocked => wanted,
        (_, Some(set), libc::SIG_BLOCK) => wanted | set,
        (_, Some(set), libc::SIG_UNBLOCK) => wanted & !set,
        (_, Some(set), libc::SIG_SETMASK) => set,
        // Nothing to set, or an error.
        _ => return Next::Run,
    };
    if is_traced {
        IS_BLOCKED.store(blocked & TRAP != 0, Ordering::Relaxed);
    }
    *mask = blocked & !(TRAP | RESERVED);
    if old == 0 || store(old, &[wanted]) {
        DONE
    } else if function == PTHREAD_SIGMASK {
        Next::Return(libc::EFAULT.into(), 0)
    } else {
        Next::Return(-1, libc::EFAULT)
    }
}

/// The words of a `struct sigaction`, and those in front of its mask.
const WORDS: usize = size_of::<libc::sigaction>() / size_of::<u64>();
const MASK: usize = offset_of!(libc::sigaction, sa_mask) / size_of::<u64>();
/// The place of the handler. 0 there is the default action.
const HANDLER: usize = offset_of!(libc::sigaction, sa_sigaction) / size_of::<u64>();

type Function = unsafe extern "C" fn(c_int, *const c_void, *mut c_void) -> c_int;

/// Does what `sigaction` does, except that no mask of a handler has SIGTRAP, and that SIGTRAP seems to have the default
/// action.
///
/// # Safety
/// As [`meet`].
unsafe fn set_handler(site: &Site, [signal, action, old]: [usize; 3]) -> Next {
    let new = host::read::<[u64; WORDS]>(action);
    if new.is_none() && action != 0 {
        return Next::Run;
    }
    if signal as c_int == libc::SIGTRAP {
        return match new {
            Some(new) if new[HANDLER] != libc::SIG_DFL as u64 => Next::RestoreAll,
            _ if old == 0 || store(old, &[0; WORDS]) => DONE,
            _ => Next::Run,
        };
    }
    let this = if (1..=LAST_SIGNAL).contains(&(signal as c_int)) {
        bit(signal as c_int)
    } else {
        0
    };
    let was_loosened = LOOSENED.load(Ordering::Relaxed) & this != 0;
    let is_loosened = new.is_some_and(|new| new[MASK] & TRAP != 0);
    let (true, Step::Copy(copy)) = (was_loosened || is_loosened, site.step) else {
        return Next::Run;
    };
    let mut before = [0_u64; WORDS];
    let new = new.map(|mut new| {
        new[MASK] &= !TRAP;
        new
    });
    // SAFETY: the copy of the function's first instruction, behind which the function goes on, is the function. It is
    // safe in a handler. The places are arrays of this function.
    let result = unsafe {
        let function = std::mem::transmute::<usize, Function>(copy);
        let new = new.as_ref().map_or(null(), |new| new.as_ptr().cast());
        function(signal as c_int, new, before.as_mut_ptr().cast())
    };
    if was_loosened {
        before[MASK] |= TRAP;
    }
    if result != 0 || old != 0 && !store(old, &before) {
        return Next::Run;
    }
    if is_child() {
        return DONE;
    }
    if new.is_some() {
        LOOSENED.fetch_and(!this, Ordering::Relaxed);
    }
    if is_loosened {
        LOOSENED.fetch_or(this, Ordering::Relaxed);
    }
    DONE
}

/// Lets handlers of signals run with SIGTRAP unblocked from now on. No code is changed yet.
pub fn loosen() {
    // SAFETY: it takes nothing.
    PROCESS.store(unsafe { libc::getpid() }, Ordering::Relaxed);
    for signal in 1..=LAST_SIGNAL {
        change(signal, false);
    }
}

/// Takes back what [`loosen`] and [`meet`] have done. No code is changed any more. `is_traced` says whether this is the
/// traced thread. Safe in the child of a fork, and in a handler.
pub fn tighten(is_traced: bool) {
    let loosened = LOOSENED.swap(0, Ordering::Relaxed);
    for signal in 1..=LAST_SIGNAL {
        if loosened & bit(signal) != 0 {
            change(signal, true);
        }
    }
    if IS_BLOCKED.swap(false, Ordering::Relaxed) && is_traced {
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
        let mut block = |how: c_int, set: Option<Signals>, place| {
            let set = set.as_ref().map_or(null(), |set| set as *const Signals);
            let next = super::block(1, [how as usize, set as usize, place], &mut mask, true);
            (next, mask)
        };
        // SAFETY: a variable of this test.
        let old = || unsafe { (place as *const Signals).read() };
        let (blocks, sets) = (libc::SIG_BLOCK, libc::SIG_SETMASK);
        let both = bit(2) | bit(5);
        assert_eq!(block(blocks, Some(TRAP | bit(6)), place).0, DONE);
        assert_eq!(old(), bit(2));
        assert_eq!(block(blocks, None, place), (DONE, bit(2) | bit(6) & !TRAP));
        assert_eq!(old(), bit(2) | bit(6) | TRAP);
        // The mask is set, and the old one can't be written.
        let failed = Next::Return(-1, libc::EFAULT);
        assert_eq!(block(sets, Some(both), 8), (failed, bit(2)));
        assert_eq!(block(9, Some(both), place), (Next::Run, bit(2)));
        assert_eq!(block(sets, Some(bit(7) | bit(32)), 0), (DONE, bit(7)));
        assert_eq!(block(blocks, None, place), (Next::Run, bit(7)));
        assert!(!IS_BLOCKED.load(Ordering::Relaxed));
    }
}
