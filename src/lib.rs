//! CPython's reference-counting core as a library of its own.
//!
//! ```text
//!  attach/       living inside a host CPython: preload, flavour check, allocator hook, exit report
//!  capi/         the exported symbols, thin: convert, call one function, return
//!  report/       facts to text
//!  audit/        references that nothing explains: snapshot, difference, findings
//!  lifecycle/    first reference, acquire, release, dealloc, trashcan, resurrect
//!  watch/        what diagnostics know: totals, all objects, live table, traces, tracer
//!  refcount/     how a count changes; returns an outcome and never acts on it
//!  host/         what is needed from an interpreter, or from the process where there is none
//!  abi/          what an object looks like in memory, per flavour
//! ```
//!
//! A layer uses only what stands below it; `layers.rs` fails on an arrow that points up. The flavour
//! (which CPython the library counts like) is chosen in the selectors `abi/mod.rs`,
//! `abi/type_object.rs`, `refcount/mod.rs` and `capi/mod.rs`, and nowhere else: every policy is always
//! compiled and tested, a cfg only picks an alias.
//!
//! Start at `lifecycle/death.rs`: what happens when a count reaches zero is what all else is for.

#![allow(
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    reason = "CPython's own names"
)]

#[cfg(not(any(panic = "abort", test, doc, feature = "unwinding")))]
compile_error!("a panic must never reach C: build with panic = \"abort\"");

pub mod abi;
#[cfg_attr(
    test,
    allow(
        dead_code,
        reason = "a test is no process that the library attaches to"
    )
)]
pub mod attach;
pub mod audit;
pub mod capi;
pub mod host;
pub mod lifecycle;
pub mod refcount;
pub mod report;
pub mod watch;

#[cfg(test)]
mod layers;
