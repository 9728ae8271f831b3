//! Memory: blocks, the map of the process, CPython's symbols, the host's functions, explained counts.

pub mod blocks;
pub mod builtin;
pub mod door;
pub(in crate::audit) mod ledger;
pub mod memory;
pub(in crate::audit) mod tracked;
pub mod young;
