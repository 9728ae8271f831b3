//! References that nothing explains: snapshot, difference, findings.
//!
//! Uses everything below. For every living object, the references that others show are taken from those that are
//! counted; what is left is held by C (a stack, a static variable, a cache), or by nothing. What is left over and grows
//! by the same number in each window of runs was leaked; what is missing was released too often.
//!
//! Follows nothing that is not known to be an object, and changes nothing but the counts of what it pins.

pub mod attachment;
mod block_search;
pub mod blocks;
pub mod builtin;
mod classes;
pub mod compare;
pub mod deferred;
pub mod door;
pub mod edges;
pub mod finding;
mod fold;
mod free_lists;
mod getrefcount;
mod groups;
mod holds;
mod ledger;
pub mod memory;
mod memory_growth;
mod names;
pub mod neighbours;
mod older;
mod pass;
pub mod pins;
pub mod quarantine;
mod recognise;
mod remake;
pub mod reuse;
pub mod snapshot;
mod statics;
mod tracked;
mod types;
pub mod unheld;
mod unshown;
mod words;
pub mod young;
pub mod zeroing;
