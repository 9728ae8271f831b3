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
pub mod diff;
pub mod guard;
pub mod heap;
mod holds;
pub mod walk;
