//! A word in memory that may be the address of an object.

use super::counted::counted;
use crate::abi::PyObject;

/// Whether a word can be the address of an object.
#[inline]
pub(in crate::audit) fn may_be_address(word: usize) -> bool {
    const LOWEST: usize = 1 << 16;
    const END: usize = 1 << 47;
    word.is_multiple_of(8) && (LOWEST..END).contains(&word)
}

/// The target of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audit) enum Target {
    /// No object.
    Nothing,
    /// An object without a usable count, such as an immortal one.
    Uncounted,
    /// Any other object.
    Object,
}

/// A word that may be an address.
#[derive(Clone, Copy, Debug)]
pub(in crate::audit) struct Word {
    /// Its address.
    pub(in crate::audit) place: usize,
    pub(in crate::audit) value: usize,
    pub(in crate::audit) field: Field,
    pub(in crate::audit) target: Target,
}

/// A field of all instances of a type, by its offset from an instance's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::audit) struct Field {
    pub(in crate::audit) ob_type: usize,
    pub(in crate::audit) offset: usize,
}

impl Target {
    /// The target of a word with the value `op`.
    ///
    /// # Safety
    /// If `is_seen`, `op` is an object.
    pub(in crate::audit) unsafe fn of(op: *mut PyObject, is_seen: bool) -> Self {
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
