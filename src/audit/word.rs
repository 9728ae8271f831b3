//! A word in memory that may be the address of an object.

use super::counted::counted;
use crate::abi::PyObject;

/// Whether a word can be the address of an object.
pub(super) fn may_be_address(word: usize) -> bool {
    const LOWEST: usize = 1 << 16;
    const END: usize = 1 << 47;
    word.is_multiple_of(8) && (LOWEST..END).contains(&word)
}

/// The target of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// No object.
    Nothing,
    /// An object without a usable count, such as an immortal one.
    Uncounted,
    /// Any other object.
    Object,
}

/// A word that may be an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    /// Its address.
    pub(super) place: usize,
    pub(super) value: usize,
    pub(super) field: Field,
    pub(super) target: Target,
}

/// A field of all instances of a type, by its offset from an instance's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Field {
    pub(super) ob_type: usize,
    pub(super) offset: usize,
}

impl Target {
    /// The target of a word with the value `op`.
    ///
    /// # Safety
    /// If `is_seen`, `op` is an object.
    pub(super) unsafe fn of(op: *mut PyObject, is_seen: bool) -> Self {
        if !is_seen {
            return Self::Nothing;
        }
        // SAFETY: `op` was seen, so it is an object.
        let is_counted = unsafe { counted(op) }.is_some();
        if is_counted {
            Self::Object
        } else {
            Self::Uncounted
        }
    }
}
