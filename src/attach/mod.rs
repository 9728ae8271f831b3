//! Runs inside a process: the work when the loader loads the library, and at exit.
//!
//! Uses all layers below. Without a setting in the environment it prints only errors, and switches on only the watchers
//! that the flavour needs.

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
