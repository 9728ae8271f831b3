//! Facts to text.
//!
//! Uses `watch`, `host` and `abi`. Touches no pointer: what it reads of objects it reads by way of the
//! kernel, which answers where a load would crash.

#![forbid(unsafe_code)]

pub mod census;
pub mod facts;
pub mod file;
pub mod text;
