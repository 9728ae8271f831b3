//! Finds references that nothing explains: snapshot, difference, findings.
//!
//! Uses all layers below. An object shows a reference when its `tp_traverse` visits it, or when the audit reads it from
//! a known field. For every living object, the audit subtracts the shown references from the counted ones. The rest is
//! held by C code (a stack, a static variable, a cache) or by nothing. A rest that grows by the same number in each
//! window of runs is a leak. A negative rest is an over-release.
//!
//! The audit follows an address only if it recognises an object there. It changes no count but those of the objects
//! that it pins.

pub mod attachment;
mod block_search;
pub mod blocks;
pub mod builtin;
mod classes;
pub mod compare;
pub mod counted;
pub mod door;
pub mod edges;
pub mod finding;
mod fold;
mod free_lists;
mod getrefcount;
mod groups;
mod growth;
pub mod held_back;
mod holds;
mod ledger;
pub mod memory;
mod memory_growth;
mod names;
pub mod neighbours;
mod older;
mod only_pins;
mod pass;
pub mod pinned;
mod pins;
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
mod word;
mod words;
pub mod young;
pub mod zeroing;
