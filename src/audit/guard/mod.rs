//! What keeps the process alive while code releases too often: pins, the quarantine, and free lists that stay empty.
//! The looks between windows use the pins, too.

pub(in crate::audit) mod fingerprint;
pub(in crate::audit) mod free_lists;
pub(in crate::audit) mod getrefcount;
pub(in crate::audit) mod guarded;
pub mod held_back;
pub mod looks;
pub(in crate::audit) mod pins;
pub mod quarantine;
pub(in crate::audit) mod remake;
pub mod reuse;
pub mod zeroing;
