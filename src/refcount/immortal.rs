use super::{MOST_REFERENCES, Policy, Released};

/// 3.12 and 3.13: a signed word whose low half, when its sign bit is set, marks an immortal.
///
/// The two directions stop at different places: adding stops only where the low half is all ones,
/// taking away already at its sign bit.
#[derive(Debug)]
pub struct Immortal;

impl Immortal {
    /// `_Py_IMMORTAL_REFCNT`.
    const REFCNT: isize = 0xFFFF_FFFF;

    const fn has_sign_bit(word: isize) -> bool {
        (word as i32) < 0
    }
}

impl Policy for Immortal {
    type Count = isize;

    #[inline]
    unsafe fn birth(count: *mut isize) {
        // SAFETY: valid for writes, says the caller. A recycled immortal's bits must go, so this is a
        // plain store and not `set`.
        unsafe { *count = 1 }
    }

    #[inline]
    unsafe fn acquire(count: *mut isize) -> bool {
        // SAFETY: valid for reads and writes, says the caller.
        unsafe {
            if *count.cast::<u32>() == u32::MAX {
                return false;
            }
            // CPython stores the low half only. The low half does not wrap here, so storing the whole
            // word leaves the same bits, and the 64-bit load of the next release need not wait for two
            // stores to be put together. Loading each width by itself lets both work in memory.
            *count = (*count).wrapping_add(1);
        }
        true
    }

    #[inline]
    unsafe fn release(count: *mut isize) -> Released {
        // SAFETY: valid for reads and writes, says the caller.
        unsafe {
            let word = *count;
            if Self::has_sign_bit(word) {
                return Released::Immortal;
            }
            *count = word.wrapping_sub(1);
            if word == 1 {
                Released::Dead
            } else {
                Released::Alive
            }
        }
    }

    #[inline]
    unsafe fn release_checked(count: *mut isize) -> Released {
        // SAFETY: the caller's promise covers the read and is the callee's.
        unsafe {
            if *count <= 0 {
                Released::Negative
            } else {
                Self::release(count)
            }
        }
    }

    #[inline]
    unsafe fn get(count: *const isize) -> isize {
        // SAFETY: valid for reads, says the caller.
        unsafe { *count }
    }

    #[inline]
    unsafe fn set(count: *mut isize, refcnt: isize) {
        // SAFETY: valid for reads and writes, says the caller.
        unsafe {
            if !Self::has_sign_bit(*count) {
                *count = refcnt;
            }
        }
    }

    #[inline]
    unsafe fn is_immortal(count: *const isize) -> bool {
        // SAFETY: valid for reads, says the caller.
        Self::has_sign_bit(unsafe { *count })
    }

    #[inline]
    unsafe fn immortalise(count: *mut isize) {
        // SAFETY: valid for writes, says the caller.
        unsafe { *count = Self::REFCNT }
    }

    #[inline]
    unsafe fn is_plausible(count: *const isize) -> bool {
        // SAFETY: valid for reads, says the caller.
        unsafe { (1..MOST_REFERENCES).contains(&*count) }
    }
}
