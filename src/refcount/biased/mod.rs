//! Biased counting of the free-threaded flavours: the owner of an object counts in one word, other threads in another.

#[cfg(test)]
mod interleavings;
pub mod merge_queue;
pub mod policy;
pub mod protocol;
pub mod words;
