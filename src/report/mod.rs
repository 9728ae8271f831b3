//! Turns facts into text.
//!
//! Uses `watch`, `host` and `abi`. Dereferences no pointer: it reads objects through the kernel, which returns an error
//! where a load would crash.

#![forbid(unsafe_code)]

pub mod census;
pub mod facts;
pub mod file;
pub mod text;
