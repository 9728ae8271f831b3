//! How a count changes: one policy for each way in which CPython versions count.
//!
//! Uses `abi` and, for thread ids, `host`. A policy uses nothing but the count and knows no types. It returns an
//! outcome and never acts on it. The cfgs below pick aliases; every policy is always compiled and tested.

pub mod biased;
mod flagged;
mod immortal;
#[cfg(test)]
mod model;
mod plain;

pub use biased::policy::Biased;
pub use flagged::Flagged;
pub use immortal::Immortal;
pub use plain::Plain;

/// No object has so many references: they would fill 128 GiB. Five letters of text or more, read as a count, give a
/// larger number. So this limit tells a count from text.
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

/// The outcome of releasing a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// References remain.
    Alive,
    /// The object is immortal, and its count did not change.
    Immortal,
    /// That was the last reference: the caller must end the object.
    Dead,
    /// There was no reference to release. Only [`Policy::release_checked`] and [`Policy::let_go`] return it.
    Negative,
    /// Nothing was done, because the calling thread does not own the object. The caller must use the shared count. Only
    /// biased counting returns this.
    Foreign,
    /// Nothing was done: the owner counted the reference, and the caller must queue it for the owner. Only biased
    /// counting returns this.
    Owners,
}

/// The outcome of trying to take a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The caller owns a reference, and the total of all references grows.
    Acquired,
    /// The object is immortal, and its count did not change.
    Immortal,
    /// The object is dying, and no reference was added.
    Dying,
}

/// A way to count, on the part of an object that holds the count.
///
/// # Safety
/// Every method may be called if:
/// - the memory at `count` is aligned, and valid for reads and writes of `Count` for the whole call,
/// - no other thread uses the count meanwhile or, with biased counting, the caller owns a reference,
/// - `birth`, a static initialiser or another method of the same policy wrote the count. `birth` itself takes any
///   memory.
pub trait Policy {
    /// The part of the object that holds the count.
    type Count;

    /// Writes the count of a new object: one, whatever the memory held before.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold.
    unsafe fn birth(count: *mut Self::Count);

    /// Adds a reference; true where the total of all references grows too.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold.
    unsafe fn acquire(count: *mut Self::Count) -> bool;

    /// Releases a reference as a release build does: without a check for a negative count.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold.
    unsafe fn release(count: *mut Self::Count) -> Released;

    /// Releases a reference as `Py_REF_DEBUG` does: [`Released::Negative`] where there was none.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold.
    unsafe fn release_checked(count: *mut Self::Count) -> Released;

    /// The number of references, as `Py_REFCNT` gives it.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold.
    unsafe fn get(count: *const Self::Count) -> isize;

    /// Stores a number of references, as `Py_SET_REFCNT` does.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold.
    unsafe fn set(count: *mut Self::Count, refcnt: isize);

    /// Whether the object never dies.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold.
    unsafe fn is_immortal(count: *const Self::Count) -> bool;

    /// Makes the object immortal where the version has immortal objects.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold.
    unsafe fn immortalise(count: *mut Self::Count);

    /// Whether this can be the count of a live object, judged from all its bits.
    ///
    /// Memory in a type's free list keeps a zero in the count's place or, from 3.14 on, a link.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold, except that the memory may hold anything.
    unsafe fn is_plausible(count: *const Self::Count) -> bool;

    /// Whether the caller's reference is the only one, and no other thread can take one meanwhile.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold.
    unsafe fn is_unique(count: *const Self::Count) -> bool {
        // SAFETY: the caller's promise is the callee's.
        unsafe { Self::get(count) == 1 }
    }

    /// Adds a reference, unless the object has none.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold, except that the caller need not own a reference.
    unsafe fn try_acquire(count: *mut Self::Count) -> Tried {
        // SAFETY: biased counting has a function of its own. With every other policy no other thread uses the count
        // meanwhile, so the caller may read and change it.
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

    /// Allows [`Policy::try_acquire`]. Only biased counting has something to do here.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold.
    unsafe fn enable_try(_count: *mut Self::Count) {}

    /// Gives an object without references one reference, so that its finalizer can run.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold.
    unsafe fn revive(count: *mut Self::Count) {
        // SAFETY: the caller's promise is the callee's.
        unsafe { Self::set(count, 1) }
    }

    /// Takes back the reference from [`Policy::revive`] where it is the only one. Otherwise it does nothing and returns
    /// false.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold.
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

    /// Takes back the reference from [`Policy::revive`] where there are more.
    ///
    /// # Safety
    /// The conditions of [`Policy`] hold.
    unsafe fn let_go(count: *mut Self::Count) -> Released {
        // SAFETY: the caller's promise is the callees'.
        unsafe {
            let left = Self::get(count);
            if left <= 0 {
                return Released::Negative;
            }
            // If the finalizer has made the object immortal, `set` keeps its count.
            Self::set(count, left - 1);
            Released::Alive
        }
    }
}
