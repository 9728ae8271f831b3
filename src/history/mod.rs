//! Who changed the count of one object: the function and the line that took a reference and never gave it back.
//!
//! A traced run stops at sites of the extension modules that run: at entries, calls, and instructions that may count. At
//! each it notes the registers, and the counts of a few objects. A change between two events belongs to the function
//! that ran meanwhile. Then the changes are paired, and the function that is left over is the one. `docs/who.md` tells
//! more.
//!
//! Uses the layers up to `audit`. It changes code, and puts every byte back. Of the objects, it changes nothing.

mod accounts;
mod activations;
pub mod births;
pub mod blame;
mod callees;
mod contents;
mod fatal_calls;
mod functions;
mod libraries;
mod log;
pub mod naming;
mod refusals;
pub mod session;
mod site;
mod sites;
mod slots;
mod steps;
mod stubs;
mod threads;
mod trace;
#[cfg(target_arch = "x86_64")]
mod trap;
#[cfg(not(target_arch = "x86_64"))]
#[path = "no_trap.rs"]
mod trap;
mod types;
mod values;
mod watched;

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
