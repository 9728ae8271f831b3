//! The walk over all objects: recognition, types, counted references, words, and memory that no object holds.

pub(in crate::audit) mod block_search;
pub mod counted;
pub(in crate::audit) mod heap_walk;
pub(in crate::audit) mod names;
pub mod old_words;
pub(in crate::audit) mod older;
pub(in crate::audit) mod only_pins;
pub mod outside;
pub(in crate::audit) mod owners;
pub mod pinned;
pub(in crate::audit) mod recent;
pub(in crate::audit) mod recognise;
pub(in crate::audit) mod statics;
pub(in crate::audit) mod text;
pub(in crate::audit) mod types;
pub mod unheld;
pub(in crate::audit) mod unshown;
pub(in crate::audit) mod word;
