//! Living inside a process: what happens when the loader brings the library in, and when it takes leave.
//!
//! Uses everything below. Does nothing that was not asked for: in a process that runs no CPython, or
//! without a word in the environment, it is silent and inert.

mod allocator;
mod audit;
mod births;
mod collector;
mod constructor;
mod domains;
mod environment;
mod exit;
mod exit_callbacks;
mod flavour;
mod interpreters;
mod loader;
mod originals;
mod preload;
mod running_line;
mod symbols;
mod thread_counts;
mod tracer_slot;
mod variables;
