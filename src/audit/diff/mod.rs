//! From snapshots to findings.

pub(in crate::audit) mod classes;
pub mod compare;
pub mod edges;
pub mod finding;
pub(in crate::audit) mod fold;
pub(in crate::audit) mod groups;
pub(in crate::audit) mod growth;
pub(in crate::audit) mod memory_growth;
pub mod neighbours;
pub mod snapshot;
pub(in crate::audit) mod words;
