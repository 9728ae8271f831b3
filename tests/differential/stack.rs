//! The end of the stack, where 3.14 and later defer the deaths of containers.

use std::hint::black_box;
use std::mem::MaybeUninit;

/// CPython's stack margin in a release build.
const UNIT: usize = 1 << 14;

/// Calls a function with one and a half units of stack above the soft limit, which is two units above the end.
pub(crate) fn near_its_end(act: &dyn Fn()) {
    descend(lowest() + 2 * UNIT + 3 * UNIT / 2, act);
}

#[inline(never)]
fn descend(until: usize, act: &dyn Fn()) {
    let filler = MaybeUninit::<[u8; 1024]>::uninit();
    if black_box(&filler).as_ptr() as usize <= until {
        act()
    } else {
        descend(until, act)
    }
    black_box(&filler);
}

/// The lowest address of this thread's stack.
fn lowest() -> usize {
    thread_local! { static LOWEST: usize = ask() }
    fn ask() -> usize {
        let mut low = std::ptr::null_mut();
        let mut size = 0;
        // SAFETY: pthread_getattr_np fills the attributes before they are read, and the pointers are writable.
        unsafe {
            let mut attributes = std::mem::zeroed();
            assert_eq!(
                libc::pthread_getattr_np(libc::pthread_self(), &raw mut attributes),
                0
            );
            libc::pthread_attr_getstack(&raw const attributes, &raw mut low, &raw mut size);
            libc::pthread_attr_destroy(&raw mut attributes);
        }
        low as usize
    }
    LOWEST.with(|lowest| *lowest)
}
