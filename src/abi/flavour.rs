/// The CPython build that a library counts like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flavour {
    /// The name of its file in `flavours/`: `cp311`, `cp311-refdebug`, `cp313t`.
    pub name: &'static str,
    /// The `y` of Python 3.y.
    pub minor: u8,
    /// `Py_REF_DEBUG`: totals are kept and negative counts are fatal.
    pub ref_debug: bool,
    /// `Py_TRACE_REFS`: a list of all objects is kept.
    pub trace_refs: bool,
    /// `Py_GIL_DISABLED`: threads count at the same time (3.13 and later).
    pub free_threaded: bool,
}

impl Flavour {
    /// Whether the list of all objects is linked through two words of each object (up to 3.12).
    #[must_use]
    pub const fn has_links(self) -> bool {
        self.trace_refs && self.minor <= 12
    }

    /// Whether a radix tree finds the arenas of CPython's object allocator, and a pool has 16 KiB instead of 4 KiB
    /// (3.10 and later).
    #[must_use]
    pub const fn has_large_pools(self) -> bool {
        self.minor >= 10
    }

    /// Whether this is a debug flavour, which checks its arguments.
    #[must_use]
    pub const fn is_debug(self) -> bool {
        self.ref_debug || self.trace_refs
    }
}
