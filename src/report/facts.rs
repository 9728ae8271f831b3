//! What there is to say.

use crate::watch::frames::Frame;

/// What there is to say about a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The flavour of the library.
    pub flavour: &'static str,
    /// Births and deaths, where they were counted.
    pub counted: Option<(u64, u64)>,
    /// When this was so, if there is anything to say about that.
    pub moment: &'static str,
    /// Objects that are alive, most first, where a live table was kept.
    pub alive: Option<Vec<Alive>>,
    /// Which symbols were replaced, in a host.
    pub symbols: Option<Vec<Symbol>>,
    /// What else the reader has to know.
    pub notes: Vec<String>,
}

/// The living objects of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alive {
    /// The type's name; `None` where it can't be read.
    pub type_name: Option<String>,
    /// How many objects.
    pub objects: usize,
    /// Where most of them were born, innermost frame first; empty where births were not traced.
    pub birth: Vec<Frame>,
    /// How many of them were born there.
    pub born_there: usize,
}

/// An exported symbol in a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// Who uses ours.
    pub replaced: Replaced,
}

/// How far a symbol of the host is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replaced {
    /// The interpreter itself and the extensions that import it.
    Everywhere,
    /// Extensions that import it; the interpreter binds its own calls directly, or has none.
    InExtensions,
    /// No caller: another definition comes first.
    Nowhere,
}
