use super::{MOST_REFERENCES, Policy, Released};

/// 3.8 to 3.11: a signed word, no checks, no immortals.
#[derive(Debug)]
pub struct Plain;

impl Policy for Plain {
    type Count = isize;

    #[inline]
    unsafe fn birth(count: *mut isize) {
        // SAFETY: the caller promises a count that is valid for writes.
        unsafe { *count = 1 }
    }

    #[inline]
    unsafe fn acquire(count: *mut isize) -> bool {
        // SAFETY: the caller promises a count that is valid for reads and writes.
        unsafe { *count = (*count).wrapping_add(1) }
        true
    }

    #[inline]
    unsafe fn release(count: *mut isize) -> Released {
        // SAFETY: the caller promises a count that is valid for reads and writes.
        let left = unsafe {
            *count = (*count).wrapping_sub(1);
            *count
        };
        if left == 0 {
            Released::Dead
        } else {
            Released::Alive
        }
    }

    #[inline]
    unsafe fn release_checked(count: *mut isize) -> Released {
        // SAFETY: the caller promises a count that is valid for reads and writes for the whole call, as the callee
        // asks.
        unsafe {
            match Self::release(count) {
                Released::Alive if *count < 0 => Released::Negative,
                outcome => outcome,
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
        // SAFETY: the caller promises a count that is valid for writes.
        unsafe { *count = refcnt }
    }

    #[inline]
    unsafe fn is_immortal(_count: *const isize) -> bool {
        false
    }

    #[inline]
    unsafe fn immortalise(_count: *mut isize) {}

    #[inline]
    unsafe fn is_plausible(count: *const isize) -> bool {
        // SAFETY: the caller promises a count that is valid for reads.
        unsafe { (1..MOST_REFERENCES).contains(&*count) }
    }
}
