//! How a count changes: one policy per way CPython has counted.
//!
//! Uses `abi`. A policy touches nothing but the count, knows no types, and returns an outcome; it
//! never acts on it. The cfgs below pick aliases; every policy is always compiled and tested.

mod flagged;
mod immortal;
#[cfg(test)]
mod model;
mod plain;

pub use flagged::Flagged;
pub use immortal::Immortal;
pub use plain::Plain;

/// The policy of this library's flavour.
#[cfg(not(Py_3_12))]
pub type Current = Plain;

/// The policy of this library's flavour.
#[cfg(all(Py_3_12, not(Py_3_14)))]
pub type Current = Immortal;

/// The policy of this library's flavour.
#[cfg(Py_3_14)]
pub type Current = Flagged;

#[cfg(Py_GIL_DISABLED)]
compile_error!("the biased policy has its place here and is not written yet");

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
}

/// A way to count, over the part of the object that holds the count.
///
/// # Safety
/// Every method may be called on memory that is valid for reads and writes of `Count` for the whole
/// call, by a thread that no other races with on the same object. All but `birth` want a count that
/// `birth`, a static initialiser or another method of the same policy wrote.
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
}
