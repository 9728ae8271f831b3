//! What keeps the process alive while code releases too often: pins, the quarantine, and free lists that stay empty.

pub(in crate::audit) mod free_lists;
pub(in crate::audit) mod getrefcount;
pub mod held_back;
pub(in crate::audit) mod pins;
pub mod quarantine;
pub(in crate::audit) mod remake;
pub mod reuse;
pub mod zeroing;
