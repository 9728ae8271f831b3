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

    /// Whether a string may keep a copy in `wchar_t` (up to 3.11).
    #[must_use]
    pub const fn has_wide_copies(self) -> bool {
        self.minor <= 11
    }

    /// Whether CPython has a reference tracer, which is called for births and deaths (3.13 and later).
    #[must_use]
    pub const fn has_tracer(self) -> bool {
        self.minor >= 13
    }

    /// Whether a resurrection counts as a second birth (up to 3.12).
    #[must_use]
    pub const fn resurrects_by_birth(self) -> bool {
        self.minor <= 12
    }

    /// Whether CPython calls a tracer with `PyRefTracer_TRACKER_REMOVED` when another replaces it (3.15 and later).
    #[must_use]
    pub const fn has_farewell(self) -> bool {
        self.minor >= 15
    }

    /// Whether objects can be immortal, and static types and small integers are (3.12 and later).
    #[must_use]
    pub const fn has_immortals(self) -> bool {
        self.minor >= 12
    }

    /// Whether libpython exports the variables `_Py_RefTotal` and `_Py_tracemalloc_config` (up to 3.11).
    #[must_use]
    pub const fn exports_variables(self) -> bool {
        self.minor <= 11
    }

    /// Whether `_Py_Dealloc` itself puts containers into the trashcan, through the thread state (3.14 and later).
    #[must_use]
    pub const fn dealloc_puts_aside(self) -> bool {
        self.minor >= 14
    }

    /// Whether a free-threaded object's deferred references are counted apart, in a large constant and in tables of
    /// threads (3.14 and later).
    #[must_use]
    pub const fn counts_deferred_apart(self) -> bool {
        self.minor >= 14
    }

    /// Whether an interpreter may have its own lock (3.12 and later).
    #[must_use]
    pub const fn has_own_locks(self) -> bool {
        self.minor >= 12
    }

    /// Whether the `ob_size` of an integer is no number of items (3.12 and later).
    #[must_use]
    pub const fn has_tagged_integers(self) -> bool {
        self.minor >= 12
    }

    /// Whether the memory of dead small integers is parked in a free list (3.14 and later).
    #[must_use]
    pub const fn parks_integers(self) -> bool {
        self.minor >= 14
    }

    /// Whether each call of a Python function uses a frame object, which CPython keeps for the next call (up to 3.10).
    #[must_use]
    pub const fn runs_in_frame_objects(self) -> bool {
        self.minor <= 10
    }

    /// Whether instances of heap types visit their type (3.9 and later).
    #[must_use]
    pub const fn visits_heap_types(self) -> bool {
        self.minor >= 9
    }

    /// Whether this is a debug flavour, which checks its arguments.
    #[must_use]
    pub const fn is_debug(self) -> bool {
        self.ref_debug || self.trace_refs
    }
}
