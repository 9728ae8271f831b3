//! The policy of biased counting.

use std::sync::atomic::Ordering::Relaxed;

use super::protocol;
use super::protocol::Me;
use super::words::IMMORTAL;
use crate::abi::BiasedCount;
use crate::host::{Host, ThisHost};
use crate::refcount::{MOST_REFERENCES, Policy, Released, Tried};

/// Free-threaded 3.13 and later: biased counting, by any thread at any time.
///
/// `MINOR` is the `y` of Python 3.y: 3.13 and 3.14 differ in how they report and mark immortal objects.
#[derive(Debug)]
pub struct Biased<const MINOR: u8>;

impl<const MINOR: u8> Biased<MINOR> {
    /// The result of `Py_REFCNT` for an immortal object.
    const IMMORTAL_REFCNT: isize = if MINOR >= 14 { 3 << 30 } else { 0xFFFF_FFFF };
}

/// The calling thread.
#[derive(Clone, Copy, Debug)]
struct ThisThread;

impl Me for ThisThread {
    #[inline]
    fn id(self) -> usize {
        ThisHost::thread_id()
    }

    #[inline]
    fn is(self, tid: usize) -> bool {
        ThisHost::is_this_thread(tid)
    }
}

/// The words at `count`.
///
/// # Safety
/// `count` is aligned and valid for reads and writes until its last reference is given back. All fields are atomics, so
/// the result may outlive the memory, as long as it is not used after that.
#[inline]
unsafe fn words<'a>(count: *const BiasedCount) -> &'a BiasedCount {
    // SAFETY: the caller promises aligned, valid memory, and every bit pattern is a value of the atomics.
    unsafe { &*count }
}

impl<const MINOR: u8> Policy for Biased<MINOR> {
    type Count = BiasedCount;

    #[inline]
    unsafe fn birth(count: *mut BiasedCount) {
        // The words after the owner's id, written at once.
        const NEW: [u32; 4] = [0, 1, 0, 0];
        // SAFETY: the caller promises memory that is valid for writes. No other thread has the object yet.
        unsafe {
            (&raw mut (*count).ob_tid).write(ThisThread.id().into());
            (&raw mut (*count).ob_flags)
                .cast::<[u32; 4]>()
                .copy_from_nonoverlapping(&NEW, 1);
        }
    }

    #[inline]
    unsafe fn acquire(count: *mut BiasedCount) -> bool {
        // SAFETY: the caller's promise is the callee's.
        let words = unsafe { words(count) };
        // Relaxed: only the owner can count up to `IMMORTAL`, and the owner reads its own write here.
        protocol::acquire(words, ThisThread)
            && (MINOR < 14 || words.ob_ref_local.load(Relaxed) != IMMORTAL)
    }

    #[inline]
    unsafe fn release(count: *mut BiasedCount) -> Released {
        // SAFETY: the caller's promise is the callee's.
        protocol::release(unsafe { words(count) }, ThisThread)
    }

    #[inline]
    unsafe fn release_checked(count: *mut BiasedCount) -> Released {
        // SAFETY: the caller's promise is the callees'.
        let words = unsafe { words(count) };
        // Relaxed: as in `protocol::acquire`.
        if words.ob_ref_local.load(Relaxed) == 0 && protocol::owns(words, ThisThread) {
            return Released::Negative;
        }
        protocol::release(words, ThisThread)
    }

    #[inline]
    unsafe fn get(count: *const BiasedCount) -> isize {
        // SAFETY: the caller's promise is the callee's.
        protocol::get(unsafe { words(count) }).unwrap_or(Self::IMMORTAL_REFCNT)
    }

    #[inline]
    unsafe fn set(count: *mut BiasedCount, refcnt: isize) {
        // SAFETY: the caller's promise is the callee's.
        let words = unsafe { words(count) };
        let store = |tid, local, shared| {
            // Relaxed, here and below: the caller makes sure that no other thread counts meanwhile.
            words.ob_tid.store(tid, Relaxed);
            words.ob_ref_local.store(local, Relaxed);
            words.ob_ref_shared.store(shared, Relaxed);
        };
        if words.ob_ref_local.load(Relaxed) == IMMORTAL {
            return;
        }
        if !protocol::owns(words, ThisThread) {
            store(0, 0, (refcnt << 2) | protocol::MERGED);
        } else if let Ok(local) = u32::try_from(refcnt) {
            let flags = words.ob_ref_shared.load(Relaxed) & protocol::FLAGS;
            words.ob_ref_shared.store(flags, Relaxed);
            words.ob_ref_local.store(local, Relaxed);
        } else {
            store(0, IMMORTAL, 0);
        }
    }

    #[inline]
    unsafe fn is_immortal(count: *const BiasedCount) -> bool {
        // SAFETY: the caller's promise is the callee's. Relaxed: as in `protocol::acquire`.
        unsafe { words(count) }.ob_ref_local.load(Relaxed) == IMMORTAL
    }

    #[inline]
    unsafe fn immortalise(count: *mut BiasedCount) {
        // SAFETY: the caller's promise is the callees'.
        let words = unsafe { words(count) };
        // Relaxed, all: an object becomes immortal before other threads count it, or while they wait. A thread that
        // counts late changes only the shared word, which is not read any more.
        if MINOR >= 14 {
            if words.ob_ref_local.load(Relaxed) == IMMORTAL {
                return;
            }
            words.ob_gc_bits.fetch_or(BiasedCount::DEFERRED, Relaxed);
        }
        words.ob_tid.store(0, Relaxed);
        words.ob_ref_local.store(IMMORTAL, Relaxed);
        words.ob_ref_shared.store(0, Relaxed);
    }

    #[inline]
    unsafe fn is_plausible(count: *const BiasedCount) -> bool {
        // SAFETY: the caller's promise is the callee's.
        let words = unsafe { words(count) };
        // Relaxed: only one thread runs. An owner's id is an address, so its upper bits are zero.
        let may_own = words.ob_tid.load(Relaxed) >> 47 == 0;
        let is_deferred =
            MINOR >= 14 && words.ob_gc_bits.load(Relaxed) & BiasedCount::DEFERRED != 0;
        let may_be = |refcnt: isize| {
            if is_deferred {
                // Part of the references may be counted in tables of single threads, so the difference may be negative.
                (refcnt - BiasedCount::DEFERRED_REFERENCES).abs() < MOST_REFERENCES
            } else {
                (1..MOST_REFERENCES).contains(&refcnt)
            }
        };
        may_own && protocol::get(words).is_none_or(may_be)
    }

    #[inline]
    unsafe fn is_unique(count: *const BiasedCount) -> bool {
        // SAFETY: the caller's promise is the callee's.
        protocol::is_unique(unsafe { words(count) }, ThisThread)
    }

    #[inline]
    unsafe fn try_acquire(count: *mut BiasedCount) -> Tried {
        // SAFETY: the caller's promise is the callee's.
        protocol::try_acquire(unsafe { words(count) }, ThisThread)
    }

    unsafe fn enable_try(count: *mut BiasedCount) {
        // SAFETY: the caller's promise is the callee's.
        protocol::enable_try(unsafe { words(count) });
    }

    unsafe fn revive(count: *mut BiasedCount) {
        // SAFETY: the caller's promise is the callee's.
        protocol::revive(unsafe { words(count) }, ThisThread);
    }

    unsafe fn let_go_alone(count: *mut BiasedCount) -> bool {
        // SAFETY: the caller's promise is the callee's.
        protocol::let_go_alone(unsafe { words(count) }, ThisThread)
    }

    unsafe fn let_go(count: *mut BiasedCount) -> Released {
        // SAFETY: the caller's promise is the callee's.
        protocol::let_go(unsafe { words(count) }, ThisThread)
    }
}
