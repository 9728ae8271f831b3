//! The facts about one type.

use super::Known;
use crate::abi::PyTypeObject;

/// How the audit asks an instance what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audit) enum Asked {
    /// The instance holds nothing, or has no `tp_traverse`.
    Never,
    /// By its `tp_traverse`, while the collector tracks it.
    Tracked,
    /// As `Tracked`, but an exact tuple: CPython may stop tracking it, and then its items are read.
    Tuple,
}

/// The facts about one type.
#[derive(Clone, Debug)]
pub(in crate::audit) struct TypeInfo {
    pub(in crate::audit) ob_type: *mut PyTypeObject,
    /// Pairs of words in front of an instance.
    pub(in crate::audit) pairs: u8,
    /// The two words in front of an instance are the collector's links.
    pub(in crate::audit) has_links: bool,
    /// The smallest size of an instance, in bytes.
    pub(in crate::audit) least_size: usize,
    pub(in crate::audit) asked: Asked,
    /// The fields that `tp_traverse` does not visit.
    pub(in crate::audit) also: Option<Known>,
    /// Attributes lie in the instance and not in a dictionary.
    pub(in crate::audit) has_inline_values: bool,
    /// The type is exactly `dict`.
    pub(in crate::audit) is_dict: bool,
    /// The word behind an instance's head is the number of its items, which can change: in a list or a dictionary.
    pub(in crate::audit) has_length: bool,
    /// A running function uses the instance, and the next call may use it again.
    pub(in crate::audit) is_reused: bool,
    /// An instance holds a reference to its type, which no other object shows.
    pub(in crate::audit) is_heap: bool,
    /// Instances may hold references that they do not show.
    pub(in crate::audit) is_foreign: bool,
    /// The number of instances seen.
    pub(in crate::audit) objects: usize,
    /// The number of instances that lie in no block.
    pub(in crate::audit) outside: isize,
}
