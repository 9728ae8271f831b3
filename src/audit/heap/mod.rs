//! Memory: blocks, the map of the process, CPython's symbols, the host's functions, explained counts.

pub mod blocks;
pub mod builtin;
pub(in crate::audit) mod explained;
pub mod host_hooks;
pub mod memory;
pub(in crate::audit) mod tracked;
pub mod young;
