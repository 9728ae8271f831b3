use super::{MOST_REFERENCES, Policy, Released};

/// 3.12 and 3.13: a signed word. The object is immortal where the sign bit of the lower half is set.
///
/// The two directions stop at different values. Adding stops only where the lower half is all ones. Releasing stops as
/// soon as its sign bit is set.
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
        // SAFETY: the caller promises a count that is valid for writes. The memory of an immortal object may be used
        // again, so this is a plain store: `set` would keep an immortal count.
        unsafe { *count = 1 }
    }

    #[inline]
    unsafe fn acquire(count: *mut isize) -> bool {
        // SAFETY: the caller promises a count that is valid for reads and writes.
        unsafe {
            if *count.cast::<u32>() == u32::MAX {
                return false;
            }
            // CPython stores the lower half only. The lower half does not wrap here, so a store of the whole word
            // leaves the same bits. It is faster: the 64-bit load of the next release can be forwarded from one store.
            // The test above and this addition load separately, so that the compiler can use memory operands for both.
            *count = (*count).wrapping_add(1);
        }
        true
    }

    #[inline]
    unsafe fn release(count: *mut isize) -> Released {
        // SAFETY: the caller promises a count that is valid for reads and writes.
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
        // SAFETY: the caller promises a count that is valid for reads and writes, as the callee asks.
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
        // SAFETY: the caller promises a count that is valid for reads.
        unsafe { *count }
    }

    #[inline]
    unsafe fn set(count: *mut isize, refcnt: isize) {
        // SAFETY: the caller promises a count that is valid for reads and writes.
        unsafe {
            if !Self::has_sign_bit(*count) {
                *count = refcnt;
            }
        }
    }

    #[inline]
    unsafe fn is_immortal(count: *const isize) -> bool {
        // SAFETY: the caller promises a count that is valid for reads.
        Self::has_sign_bit(unsafe { *count })
    }

    #[inline]
    unsafe fn immortalise(count: *mut isize) {
        // SAFETY: the caller promises a count that is valid for writes.
        unsafe { *count = Self::REFCNT }
    }

    #[inline]
    unsafe fn is_plausible(count: *const isize) -> bool {
        // SAFETY: the caller promises a count that is valid for reads.
        unsafe { (1..MOST_REFERENCES).contains(&*count) }
    }
}
