//! The number of all references (`Py_REF_DEBUG`).

use std::sync::atomic::{AtomicIsize, AtomicPtr, Ordering};

use super::tally::Tally;
use crate::abi::FLAVOUR;
use crate::host;

/// Up to 3.11 this exported variable is the total, and extensions change it directly. Later it holds only the changes
/// by extensions that were built with older headers.
static EXPORTED: AtomicPtr<AtomicIsize> = AtomicPtr::new((&raw const PRIVATE).cast_mut());

/// Stands in until [`use_exported`] is called.
static PRIVATE: AtomicIsize = AtomicIsize::new(0);

/// From 3.12 on each thread has its own count.
static TALLY: Tally<1> = Tally::new();

/// Uses `variable` for the total. Called before `main`. The program may contain the copy of `_Py_RefTotal` that the
/// whole process uses.
///
/// # Safety
/// `variable` stays valid for good.
pub unsafe fn use_exported(variable: *mut AtomicIsize) {
    // Relaxed: no other thread exists yet.
    EXPORTED.store(variable, Ordering::Relaxed);
}

/// Adds to the total. In a host from 3.12 on, adds to the host's total.
///
/// # Safety
/// In a host, its lock is held.
#[inline]
pub unsafe fn add(amount: isize) {
    if FLAVOUR.exports_variables() {
        // Relaxed: a sum has no order.
        exported().fetch_add(amount, Ordering::Relaxed);
    } else if host::has_interpreter() {
        let host = host::originals();
        let one = if amount > 0 {
            host._Py_INCREF_IncRefTotal
        } else {
            host._Py_DECREF_DecRefTotal
        };
        if let Some(one) = one {
            // SAFETY: the host's own function. It needs the host's lock, which is held, as the caller promises.
            (0..amount.abs()).for_each(|_| unsafe { one() });
        }
    } else {
        TALLY.add(0, amount as i64);
    }
}

/// The total of all threads.
#[must_use]
pub fn global() -> isize {
    legacy() + TALLY.sum(0) as isize
}

/// The value of `_Py_RefTotal`.
#[must_use]
pub fn legacy() -> isize {
    // Relaxed: a sum has no order.
    exported().load(Ordering::Relaxed)
}

#[inline]
fn exported() -> &'static AtomicIsize {
    // SAFETY: the pointer is never null. `use_exported` demands that it stays valid. Relaxed: set before `main`.
    unsafe { &*EXPORTED.load(Ordering::Relaxed) }
}
