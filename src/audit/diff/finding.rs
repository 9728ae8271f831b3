//! The findings of the audit.

use std::ffi::CString;

use crate::abi::{PyObject, PyTypeObject};
use crate::audit::heap::young::Block;
use crate::audit::walk::pinned;

/// The number of examples in a finding.
pub(in crate::audit) use crate::audit::guard::quarantine::EXAMPLES;

/// The kind of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Unexplained references grow by the same number in each window.
    Leak = 1,
    /// Fewer references are counted than are shown.
    OverRelease = 2,
    /// Unexplained references grow, but not by the same number.
    Unsteady = 3,
    /// Objects grow by the same number in each window, and a living object visibly holds them.
    Growth = 4,
    /// Memory that is no object, and that no object holds, grows equally in each window.
    Memory = 5,
}

impl Kind {
    /// The order of findings in a report: errors come first.
    pub(in crate::audit) fn rank(self) -> u8 {
        match self {
            Kind::Leak | Kind::OverRelease | Kind::Memory => 0,
            Kind::Unsteady => 1,
            Kind::Growth => 2,
        }
    }
}

/// One object as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// Its address.
    pub op: *mut PyObject,
    /// Counted references.
    pub refcount: isize,
    /// Explained references.
    pub explained: isize,
    /// The object has died; only its memory is left.
    pub is_dead: bool,
}

impl Example {
    /// A dead object that was released again.
    pub(in crate::audit) fn dead(op: *mut PyObject) -> Self {
        Self {
            op,
            refcount: -1,
            explained: 0,
            is_dead: true,
        }
    }
}

/// Objects that only the leaked objects keep alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// Their type's full name.
    pub type_name: CString,
    /// How many more exist after each window.
    pub objects: isize,
}

/// The growth of memory that is no object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grown {
    /// The growth in blocks in each window. Empty for memory that did not come from CPython's allocators.
    pub blocks: Vec<isize>,
    /// The growth in bytes in each window.
    pub bytes: Vec<isize>,
    /// Some blocks that were handed out since the first snapshot.
    pub examples: Vec<Block>,
}

/// One type with a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind of the problem.
    pub kind: Kind,
    /// The type; null if it has died, or if several types have this name.
    pub ob_type: *mut PyTypeObject,
    /// Its full name.
    pub type_name: CString,
    /// The change of unexplained references in each window.
    pub references: Vec<isize>,
    /// The change of the number of objects in each window.
    pub objects: Vec<isize>,
    /// The objects, newest first. `Finding::shorten` leaves a few of them.
    pub examples: Vec<Example>,
    /// The objects that `examples` keep alive.
    pub folded: Vec<Folded>,
    /// The growth, if the finding is about memory that is no object. `type_name` is then the function that allocates
    /// such memory.
    pub memory: Option<Grown>,
}

impl Finding {
    /// Prepares the finding for a report: a few examples, with counts as they would be without the audit's pins.
    pub(in crate::audit) fn shorten(&mut self) {
        self.examples.truncate(EXAMPLES);
        for example in &mut self.examples {
            let pins = pinned::of(example.op);
            example.refcount -= pins;
            example.explained -= pins;
        }
    }
}
