//! Diagnostics: totals, all objects, the live table, traces, the tracer.
//!
//! Uses `refcount`, `host` and `abi`. Never counts a reference and never ends an object. Without a watcher, a birth or
//! a death costs one predictable branch here.

pub mod birth_stacks;
pub mod chain;
mod entries;
pub mod events;
pub mod failure;
pub mod fork;
pub mod frames;
pub mod lines;
pub mod live;
pub mod ref_total;
pub mod refchain;
pub(crate) mod shadow;
pub mod stacks;
mod tally;
pub mod tracemalloc;
pub mod tracer;
pub mod traces;
pub mod type_name;
pub mod unwinding;
pub mod watchers;
