//! CPython's reference-counting core as a separate library.
//!
//! ```text
//!  attach/       runs inside a host CPython: preload, flavour check, allocator hook, exit report
//!  capi/         the exported symbols, thin: CPython's, our own, and the header's inline functions
//!  report/       turns facts into text
//!  history/      who changed one object's count: sites, tracer, accounts, naming
//!  audit/        finds references that nothing explains: heap, holds, walk, guard, diff
//!  lifecycle/    first reference, acquire, release, dealloc, trashcan, resurrect
//!  watch/        diagnostics: totals, all objects, live table, traces, tracer
//!  refcount/     changes a count and returns an outcome; the caller acts on it
//!  host/         services of the interpreter, or of the process if it has none
//!  abi/          the memory layout of an object, per flavour
//! ```
//!
//! A layer uses only layers below it; the tests in `layers.rs` check this. The flavour is the CPython that the library
//! counts like. Only the selectors `abi/mod.rs`, `abi/type_object.rs`, `refcount/mod.rs` and `capi/cpython/mod.rs` choose it.
//! Every policy is always compiled and tested; a cfg only picks an alias.
//!
//! Start at `lifecycle/death.rs`: it shows what happens when a count reaches zero.

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
mod attach;
mod audit;
pub mod capi;
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "other processors only refuse")
)]
mod history;
#[allow(dead_code, reason = "each flavour uses some of a host's functions")]
mod host;
#[allow(dead_code, reason = "each flavour compiles all, and uses some")]
mod lifecycle;
#[allow(
    dead_code,
    unused_imports,
    reason = "each flavour compiles all, and uses one policy"
)]
mod refcount;
mod report;
#[allow(dead_code, reason = "each flavour compiles all, and uses some")]
mod watch;

#[cfg(test)]
mod layers;
