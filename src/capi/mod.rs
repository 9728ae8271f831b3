//! The exported symbols. Each converts its arguments, calls one function and returns.
//!
//! Uses all layers below, and holds no logic.
//!
//! The `# Safety` sections use the terms of [`crate::abi`]. Unless the comment of a function says "From any thread",
//! its caller also holds the host's lock: the introduction of the header demands it.

pub mod cpython;
pub mod pyrefcore;

pub(crate) use cpython::{exported_total, exported_tracemalloc_config, follow_host};
