/// Which CPython a library counts like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flavour {
    /// As the files in `flavours/` are named: `cp311`, `cp311-refdebug`, `cp313t`.
    pub name: &'static str,
    /// The `y` of Python 3.y.
    pub minor: u8,
    /// `Py_REF_DEBUG`: totals are kept and negative counts are fatal.
    pub ref_debug: bool,
    /// `Py_TRACE_REFS`: all objects are listed.
    pub trace_refs: bool,
    /// `Py_GIL_DISABLED`: threads count at the same time (3.13 and later).
    pub free_threaded: bool,
}

impl Flavour {
    /// Objects carry the two links of the list of all objects (up to 3.12).
    #[must_use]
    pub const fn has_links(self) -> bool {
        self.trace_refs && self.minor <= 12
    }

    /// A tree finds the pools of CPython's own allocator, and they have four times the size (3.10 and later).
    #[must_use]
    pub const fn has_large_pools(self) -> bool {
        self.minor >= 10
    }

    /// A debug flavour checks what it is given.
    #[must_use]
    pub const fn is_debug(self) -> bool {
        self.ref_debug || self.trace_refs
    }
}
