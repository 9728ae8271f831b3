//! An object's life: first reference, acquire, release, dealloc, trashcan, resurrect.
//!
//! Uses `watch`, `refcount`, `host` and `abi`: counts, tells the watchers, and acts on the outcome.
//! Knows no exported names; `capi` gives it those.
//!
//! Where an interpreter keeps state that only it can reach, its own function does the work, and what is
//! left to us is to tell our watchers: see [`HOST_OWNS_BIRTHS`] and [`HOST_OWNS_DEATHS`].

pub mod all_objects;
pub mod birth;
pub mod brc;
pub mod count;
pub mod death;
pub mod finalizer;
pub mod gc;
pub mod immortality;
pub mod memory;
pub mod misuse;
#[cfg(test)]
mod tests;
pub mod trashcan;

use crate::abi::FLAVOUR;

/// In a host, births are the host's: a debug build keeps its totals and lists to itself, 3.12 its
/// tracemalloc flag, and from 3.14 on its tracer.
pub const HOST_OWNS_BIRTHS: bool = FLAVOUR.is_debug() || FLAVOUR.minor == 12 || FLAVOUR.minor >= 14;

/// In a host, deaths are the host's: a debug build keeps its lists to itself, and from 3.14 on the
/// trashcan hangs on the thread state.
pub const HOST_OWNS_DEATHS: bool = FLAVOUR.is_debug() || FLAVOUR.minor >= 14;
