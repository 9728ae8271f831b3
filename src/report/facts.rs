//! The facts in a report.

use crate::watch::frames::Frame;

/// The facts about a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The flavour of the library.
    pub flavour: &'static str,
    /// Births and deaths, if they were counted.
    pub counted: Option<(u64, u64)>,
    /// The time of the census, in words; may be empty.
    pub moment: &'static str,
    /// Live objects, if a live table was kept. The type with the most objects comes first.
    pub alive: Option<Vec<Alive>>,
    /// Which symbols were replaced, in a host.
    pub symbols: Option<Vec<Symbol>>,
    /// Notes for the reader.
    pub notes: Vec<String>,
}

/// The living objects of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alive {
    /// The type's name; `None` if it can't be read.
    pub type_name: Option<String>,
    /// How many objects.
    pub objects: usize,
    /// The stack on which most of them were born, innermost frame first. Empty if births were not traced.
    pub birth: Vec<Frame>,
    /// How many of them were born on that stack.
    pub born_there: usize,
}

/// An exported symbol in a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// Which callers use our definition.
    pub replaced: Replaced,
}

/// How far a symbol of the host is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replaced {
    /// Calls of the interpreter and of extensions reach ours.
    Everywhere,
    /// Only calls of extensions reach ours. The interpreter binds its own calls directly, or has none.
    InExtensions,
    /// No call reaches ours, because another definition comes first.
    Nowhere,
}
