//! An object's life: first reference, acquire, release, dealloc, trashcan, resurrect.
//!
//! Uses `watch`, `refcount`, `host` and `abi`: counts, tells the watchers, and acts on the outcome.
//! `capi` exports it under CPython's names.
//!
//! Where a host keeps state that only it can reach, the host's own function does the work. This library then only tells
//! its watchers: see [`HOST_OWNS_BIRTHS`] and [`HOST_OWNS_DEATHS`].

pub mod all_objects;
pub mod allocation;
pub mod birth;
pub mod containers;
pub mod count;
pub mod death;
pub mod finalizer;
pub mod gc;
pub mod immortality;
pub mod merge;
pub mod misuse;
pub mod refcnt;
#[cfg(test)]
mod tests;
pub mod trashcan;

use crate::abi::FLAVOUR;

/// Whether a host's own function does the births in it. It must where the host does not export its state: a debug build
/// its totals and lists, 3.12 its tracemalloc flag, 3.14 and later their tracer.
pub const HOST_OWNS_BIRTHS: bool =
    FLAVOUR.is_debug() || FLAVOUR.hides_tracemalloc() || FLAVOUR.hides_tracer();

/// Whether a host's own function does the deaths in it. It must where the host does not export its state: a debug build
/// its lists, 3.14 and later the trashcan in the thread state.
pub const HOST_OWNS_DEATHS: bool = FLAVOUR.is_debug() || FLAVOUR.dealloc_puts_aside();
