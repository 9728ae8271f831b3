use crate::abi::FlaggedCount;

use super::{Policy, Released};

/// 3.14 and later: the lower 32 bits are the count. The upper half of the word holds flags, and counting keeps it.
#[derive(Debug)]
pub struct Flagged;

impl Flagged {
    /// `_Py_IMMORTAL_INITIAL_REFCNT`: a count from here on is not raised.
    const IMMORTAL_INITIAL: u32 = 3 << 30;
    /// `_Py_IMMORTAL_FLAGS`.
    const IMMORTAL_FLAGS: u16 = 1;
    /// A debug build takes a count above this for freed memory, or for a count that went below zero.
    const FREED: u32 = u32::MAX - (1 << 20);
    /// All bits of `ob_flags` that CPython has given a meaning.
    const KNOWN_FLAGS: u16 = 0xF;

    const fn has_sign_bit(refcnt: u32) -> bool {
        (refcnt as i32) < 0
    }
}

impl Policy for Flagged {
    type Count = FlaggedCount;

    #[inline]
    unsafe fn birth(count: *mut FlaggedCount) {
        // SAFETY: the caller promises memory that is valid for writes; the type is aligned to eight bytes. The whole
        // word is written: the memory of an immortal object may be used again, and its flags must go.
        unsafe { count.cast::<u64>().write(1) }
    }

    #[inline]
    unsafe fn acquire(count: *mut FlaggedCount) -> bool {
        // SAFETY: the caller promises a count that is valid for reads and writes.
        unsafe {
            let refcnt = (*count).ob_refcnt;
            if refcnt >= Self::IMMORTAL_INITIAL {
                return false;
            }
            (*count).ob_refcnt = refcnt + 1;
            !Self::has_sign_bit(refcnt + 1)
        }
    }

    #[inline]
    unsafe fn release(count: *mut FlaggedCount) -> Released {
        // SAFETY: the caller promises a count that is valid for reads and writes.
        unsafe {
            let refcnt = (*count).ob_refcnt;
            if Self::has_sign_bit(refcnt) {
                return Released::Immortal;
            }
            (*count).ob_refcnt = refcnt.wrapping_sub(1);
            if refcnt == 1 {
                Released::Dead
            } else {
                Released::Alive
            }
        }
    }

    #[inline]
    unsafe fn release_checked(count: *mut FlaggedCount) -> Released {
        // SAFETY: the caller promises a count that is valid for reads and writes, as the callee asks; the type is
        // aligned to eight bytes.
        unsafe {
            if *count.cast::<i64>() <= 0 || (*count).ob_refcnt > Self::FREED {
                return Released::Negative;
            }
            Self::release(count)
        }
    }

    #[inline]
    unsafe fn get(count: *const FlaggedCount) -> isize {
        // SAFETY: the caller promises a count that is valid for reads.
        unsafe { (*count).ob_refcnt as isize }
    }

    #[inline]
    unsafe fn set(count: *mut FlaggedCount, refcnt: isize) {
        // SAFETY: the caller promises a count that is valid for reads and writes.
        unsafe {
            if !Self::has_sign_bit((*count).ob_refcnt) {
                (*count).ob_refcnt = refcnt as u32;
            }
        }
    }

    #[inline]
    unsafe fn is_immortal(count: *const FlaggedCount) -> bool {
        // SAFETY: the caller promises a count that is valid for reads.
        Self::has_sign_bit(unsafe { (*count).ob_refcnt })
    }

    #[inline]
    unsafe fn immortalise(count: *mut FlaggedCount) {
        // SAFETY: the caller promises a count that is valid for reads and writes, as the callee asks.
        unsafe {
            if !Self::is_immortal(count) {
                (*count).ob_flags = Self::IMMORTAL_FLAGS;
                (*count).ob_refcnt = Self::IMMORTAL_INITIAL;
            }
        }
    }

    #[inline]
    unsafe fn is_plausible(count: *const FlaggedCount) -> bool {
        // SAFETY: the caller promises a count that is valid for reads.
        let FlaggedCount {
            ob_refcnt,
            ob_overflow,
            ob_flags,
        } = unsafe { *count };
        ob_refcnt != 0 && ob_overflow == 0 && ob_flags & !Self::KNOWN_FLAGS == 0
    }
}
