//! What was found.

use std::ffi::CString;

use super::pins;
use super::young::Block;
use crate::abi::{PyObject, PyTypeObject};

/// Examples kept of each finding.
pub(super) const EXAMPLES: usize = 8;

/// What is wrong with references of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// References that nothing explains grow, by the same number in each window.
    Leak = 1,
    /// Fewer references are counted than are shown.
    OverRelease = 2,
    /// References that nothing explains grow, but not by the same number.
    Unsteady = 3,
    /// Objects grow, by the same number in each window, and something that lives visibly holds them.
    Growth = 4,
    /// Memory that is no object, and that none holds, grows, by the same in each window.
    Memory = 5,
}

impl Kind {
    /// Mistakes come first.
    pub(super) fn rank(self) -> u8 {
        match self {
            Kind::Leak | Kind::OverRelease | Kind::Memory => 0,
            Kind::Unsteady => 1,
            Kind::Growth => 2,
        }
    }
}

/// An object that shows what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// Where it lies.
    pub op: *mut PyObject,
    /// References counted.
    pub refcount: isize,
    /// References explained.
    pub explained: isize,
    /// It had died, and nothing of it is left but its memory.
    pub is_dead: bool,
}

impl Example {
    /// What was released once more after it had died.
    pub(super) fn dead(op: *mut PyObject) -> Self {
        Self {
            op,
            refcount: -1,
            explained: 0,
            is_dead: true,
        }
    }
}

/// Objects that only what was leaked keeps alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// Their type's full name.
    pub type_name: CString,
    /// How many more there are after each window.
    pub objects: isize,
}

/// How memory that is no object has grown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grown {
    /// Blocks in each window; none of those are known that were not taken from CPython.
    pub blocks: Vec<isize>,
    /// Bytes in each window.
    pub bytes: Vec<isize>,
    /// Some blocks that were handed out since the first snapshot.
    pub examples: Vec<Block>,
}

/// One type with something wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub kind: Kind,
    /// The type; null where it has died, or where several have this name.
    pub ob_type: *mut PyTypeObject,
    /// Its full name.
    pub type_name: CString,
    /// How the number of unexplained references changed in each window.
    pub references: Vec<isize>,
    /// How the number of objects changed in each window.
    pub objects: Vec<isize>,
    /// The objects, newest first; in the end, a few of them.
    pub examples: Vec<Example>,
    /// What they keep alive.
    pub folded: Vec<Folded>,
    /// Of memory that is no object; its type's name is the function that hands such memory out.
    pub memory: Option<Grown>,
}

impl Finding {
    /// As it is reported: with a few examples, as these would be counted if the audit held none of them.
    pub(super) fn shorten(&mut self) {
        self.examples.truncate(EXAMPLES);
        for example in &mut self.examples {
            let pins = pins::of(example.op);
            example.refcount -= pins;
            example.explained -= pins;
        }
    }
}
