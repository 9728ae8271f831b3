//! How a count changes: one policy per way CPython has counted.
//!
//! Uses `abi` and, to tell threads apart, `host`. A policy touches nothing but the count, knows no types, and
//! returns an outcome; it never acts on it. The cfgs below pick aliases; every policy is always compiled
//! and tested.

pub mod bias;
mod biased;
pub mod brc;
mod flagged;
mod immortal;
#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod model;
mod plain;
pub mod words;

pub use biased::Biased;
pub use flagged::Flagged;
pub use immortal::Immortal;
pub use plain::Plain;

/// No object has so many references: they would fill 128 GiB. Text of five letters or more, read as a count, is a larger
/// number.
const MOST_REFERENCES: isize = 1 << 34;

/// The policy of this library's flavour.
#[cfg(not(Py_3_12))]
pub type Current = Plain;

/// The policy of this library's flavour.
#[cfg(all(Py_3_12, not(Py_3_14), not(Py_GIL_DISABLED)))]
pub type Current = Immortal;

/// The policy of this library's flavour.
#[cfg(all(Py_3_14, not(Py_GIL_DISABLED)))]
pub type Current = Flagged;

/// The policy of this library's flavour.
#[cfg(Py_GIL_DISABLED)]
pub type Current = Biased<{ crate::abi::FLAVOUR.minor }>;

/// What releasing a reference led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// References remain.
    Alive,
    /// The object is immortal and its count was left alone.
    Immortal,
    /// That was the last reference: the object is to be ended.
    Dead,
    /// There was no reference to release. Only the checked release says so.
    Negative,
    /// Nothing was done, because the calling thread does not own the object: it must go through the shared count.
    /// Only biased counting says so, and what follows.
    Foreign,
    /// Nothing was done: the reference is one of the owner's, and the caller must queue it for the owner.
    Owners,
}

/// What trying to take a reference led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The caller owns a reference, and the total of all references grows.
    Acquired,
    /// The object is immortal and its count was left alone.
    Immortal,
    /// There is no reference to be had.
    Dying,
}

/// A way to count, over the part of the object that holds the count.
///
/// # Safety
/// Every method may be called on memory that is valid for reads and writes of `Count` for the whole
/// call, by a thread that no other races with on the same object; with biased counting, by any thread that owns a
/// reference. All but `birth` want a count that `birth`, a static initialiser or another method of the same
/// policy wrote.
pub trait Policy {
    /// The part of the object that holds the count.
    type Count;

    /// Writes the count of a new object: one, whatever the memory held before.
    ///
    /// # Safety
    /// As [`Policy`] says.
    unsafe fn birth(count: *mut Self::Count);

    /// Adds a reference and tells whether the total of all references grows with it.
    ///
    /// # Safety
    /// As [`Policy`] says.
    unsafe fn acquire(count: *mut Self::Count) -> bool;

    /// Takes a reference away, as a release build does: without looking for a negative count.
    ///
    /// # Safety
    /// As [`Policy`] says.
    unsafe fn release(count: *mut Self::Count) -> Released;

    /// Takes a reference away, as `Py_REF_DEBUG` does: [`Released::Negative`] where there was none.
    ///
    /// # Safety
    /// As [`Policy`] says.
    unsafe fn release_checked(count: *mut Self::Count) -> Released;

    /// The number of references, as `Py_REFCNT` gives it.
    ///
    /// # Safety
    /// As [`Policy`] says.
    unsafe fn get(count: *const Self::Count) -> isize;

    /// Stores a number of references, as `Py_SET_REFCNT` does.
    ///
    /// # Safety
    /// As [`Policy`] says.
    unsafe fn set(count: *mut Self::Count, refcnt: isize);

    /// Whether the object never dies.
    ///
    /// # Safety
    /// As [`Policy`] says.
    unsafe fn is_immortal(count: *const Self::Count) -> bool;

    /// Makes the object immortal where the version has immortal objects.
    ///
    /// # Safety
    /// As [`Policy`] says.
    unsafe fn immortalise(count: *mut Self::Count);

    /// Whether this can be the count of a living object, judged from all its bits.
    ///
    /// Parked memory keeps a zero or, from 3.14 on, a link in the count's place.
    ///
    /// # Safety
    /// As [`Policy`] says; the memory may hold anything.
    unsafe fn is_plausible(count: *const Self::Count) -> bool;

    /// Whether the caller's reference is the only one, and no other thread can get one meanwhile.
    ///
    /// # Safety
    /// As [`Policy`] says.
    unsafe fn is_unique(count: *const Self::Count) -> bool {
        // SAFETY: the caller's promise is the callee's.
        unsafe { Self::get(count) == 1 }
    }

    /// Adds a reference unless there is none.
    ///
    /// # Safety
    /// As [`Policy`] says, but the caller need not own a reference.
    unsafe fn try_acquire(count: *mut Self::Count) -> Tried {
        // SAFETY: the caller's promise is the callees'.
        unsafe {
            if Self::get(count) <= 0 {
                Tried::Dying
            } else if Self::acquire(count) {
                Tried::Acquired
            } else {
                Tried::Immortal
            }
        }
    }

    /// Allows [`Policy::try_acquire`]; nothing is needed where callers take turns.
    ///
    /// # Safety
    /// As [`Policy`] says.
    unsafe fn enable_try(_count: *mut Self::Count) {}

    /// Gives an object without references one, for its finalizer to run with.
    ///
    /// # Safety
    /// As [`Policy`] says.
    unsafe fn revive(count: *mut Self::Count) {
        // SAFETY: the caller's promise is the callee's.
        unsafe { Self::set(count, 1) }
    }

    /// Takes the reference of [`Policy::revive`] back where it is the only one; false, with nothing done, where it is
    /// not.
    ///
    /// # Safety
    /// As [`Policy`] says.
    #[inline]
    unsafe fn let_go_alone(count: *mut Self::Count) -> bool {
        // SAFETY: the caller's promise is the callees'.
        unsafe {
            let alone = Self::get(count) == 1;
            if alone {
                Self::set(count, 0);
            }
            alone
        }
    }

    /// Takes the reference of [`Policy::revive`] back where it is not the only one.
    ///
    /// # Safety
    /// As [`Policy`] says.
    unsafe fn let_go(count: *mut Self::Count) -> Released {
        // SAFETY: the caller's promise is the callees'.
        unsafe {
            let left = Self::get(count);
            if left <= 0 {
                return Released::Negative;
            }
            // Storing is nothing to an object that was made immortal meanwhile.
            Self::set(count, left - 1);
            Released::Alive
        }
    }
}
