/// The CPython build that a library counts like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flavour {
    /// The name of its file in `flavours/`: `cp311`, `cp311-refdebug`, `cp313t`.
    pub name: &'static str,
    /// The `y` of Python 3.y. Code outside this file compares it with nothing: a decision asks a named fact, and a table of
    /// places is a `match`.
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
    pub(crate) const fn has_links(self) -> bool {
        self.trace_refs && self.minor <= 12
    }

    /// Whether a radix tree finds the arenas of CPython's object allocator, and a pool has 16 KiB instead of 4 KiB
    /// (3.10 and later).
    #[must_use]
    pub(crate) const fn has_large_pools(self) -> bool {
        self.minor >= 10
    }

    /// Whether a string may keep a copy in `wchar_t` (up to 3.11).
    #[must_use]
    pub(crate) const fn has_wide_copies(self) -> bool {
        self.minor <= 11
    }

    /// Whether CPython has a reference tracer, which is called for births and deaths (3.13 and later).
    #[must_use]
    pub(crate) const fn has_tracer(self) -> bool {
        self.minor >= 13
    }

    /// Whether a resurrection counts as a second birth (up to 3.12).
    #[must_use]
    pub(crate) const fn resurrects_by_birth(self) -> bool {
        self.minor <= 12
    }

    /// Whether CPython calls a tracer with `PyRefTracer_TRACKER_REMOVED` when another replaces it (3.15 and later).
    #[must_use]
    pub(crate) const fn has_farewell(self) -> bool {
        self.minor >= 15
    }

    /// Whether objects can be immortal, and static types and small integers are (3.12 and later).
    #[must_use]
    pub(crate) const fn has_immortals(self) -> bool {
        self.minor >= 12
    }

    /// Whether libpython exports the variables `_Py_RefTotal` and `_Py_tracemalloc_config` (up to 3.11).
    #[must_use]
    pub(crate) const fn exports_variables(self) -> bool {
        self.minor <= 11
    }

    /// Whether `_Py_Dealloc` itself puts containers into the trashcan, through the thread state (3.14 and later).
    #[must_use]
    pub(crate) const fn dealloc_puts_aside(self) -> bool {
        self.minor >= 14
    }

    /// Whether a free-threaded object's deferred references are counted apart, in a large constant and in tables of
    /// threads (3.14 and later).
    #[must_use]
    pub(crate) const fn counts_deferred_apart(self) -> bool {
        self.minor >= 14
    }

    /// Whether an interpreter may have its own lock (3.12 and later).
    #[must_use]
    pub(crate) const fn has_own_locks(self) -> bool {
        self.minor >= 12
    }

    /// Whether the `ob_size` of an integer is no number of items (3.12 and later).
    #[must_use]
    pub(crate) const fn has_tagged_integers(self) -> bool {
        self.minor >= 12
    }

    /// Whether the memory of dead small integers is parked in a free list (3.14 and later).
    #[must_use]
    pub(crate) const fn parks_integers(self) -> bool {
        self.minor >= 14
    }

    /// Whether each call of a Python function uses a frame object, which CPython keeps for the next call (up to 3.10).
    #[must_use]
    pub(crate) const fn runs_in_frame_objects(self) -> bool {
        self.minor <= 10
    }

    /// Whether instances of heap types visit their type (3.9 and later).
    #[must_use]
    pub(crate) const fn visits_heap_types(self) -> bool {
        self.minor >= 9
    }

    /// Whether the messages of fatal errors are those of 3.8.
    #[must_use]
    pub(crate) const fn has_old_messages(self) -> bool {
        self.minor == 8
    }

    /// Whether CPython compiles births into its own code, so that no function is called (3.8).
    #[must_use]
    pub(crate) const fn births_are_inline(self) -> bool {
        self.minor == 8
    }

    /// Whether only the host can reach tracemalloc's flag, which each birth reads (3.12).
    #[must_use]
    pub(crate) const fn hides_tracemalloc(self) -> bool {
        self.minor == 12
    }

    /// Whether only the host can reach the reference tracer (3.14 and later).
    #[must_use]
    pub(crate) const fn hides_tracer(self) -> bool {
        self.minor >= 14
    }

    /// Whether an instance holds a counted reference to its type even if the type is static (3.13 and later).
    #[must_use]
    pub(crate) const fn counts_static_types(self) -> bool {
        self.minor >= 13
    }

    /// Whether `atexit` keeps its callbacks in an array that no `tp_traverse` visits (3.10 to 3.13).
    #[must_use]
    pub(crate) const fn hides_exit_callbacks(self) -> bool {
        self.minor >= 10 && self.minor <= 13
    }

    /// Whether CPython leaves a thread state in each interpreter, so that an idle one looks busy (3.12).
    #[must_use]
    pub(crate) const fn hides_idle_interpreters(self) -> bool {
        self.minor == 12
    }

    /// Whether CPython takes the lowest and the highest 256 values of a pointer for freed memory (3.14 and later).
    #[must_use]
    pub(crate) const fn frees_at_extremes(self) -> bool {
        self.minor >= 14
    }

    /// Whether the evaluation loop frees floats itself (3.11 and later).
    #[must_use]
    pub(crate) const fn loop_frees_floats(self) -> bool {
        self.minor >= 11
    }

    /// Whether CPython has no function that gives the line of an interpreter's frame (3.11).
    #[must_use]
    pub(crate) const fn hides_lines_of_frames(self) -> bool {
        self.minor == 11
    }

    /// Whether a frame's stack holds references that are not counted (3.14 and later).
    #[must_use]
    pub(crate) const fn borrows_in_frames(self) -> bool {
        self.minor >= 14
    }

    /// Whether tuples of constants are static, and hold references that are not counted (3.11).
    #[must_use]
    pub(crate) const fn has_uncounted_constants(self) -> bool {
        self.minor == 11
    }

    /// Whether a byte in a dictionary's table says which keys the table has (3.11 and later).
    #[must_use]
    pub(crate) const fn has_kinds_of_keys(self) -> bool {
        self.minor >= 11
    }

    /// Whether the first word of a dead dictionary's table links to the next one in the free list (3.14 and later).
    #[must_use]
    pub(crate) const fn links_parked_keys(self) -> bool {
        self.minor >= 14
    }

    /// Whether the attributes of an instance may lie behind it, in an array that begins with a word of small numbers (3.13
    /// and later).
    #[must_use]
    pub(crate) const fn has_inline_values(self) -> bool {
        self.minor >= 13
    }

    /// Whether `tp_subclasses` of CPython's own static types is a number (3.12 and later).
    #[must_use]
    pub(crate) const fn numbers_own_types(self) -> bool {
        self.minor >= 12
    }

    /// Whether a cache of `functools.lru_cache` visits the type of its entries (3.10 and later).
    #[must_use]
    pub(crate) const fn visits_entry_types(self) -> bool {
        self.minor >= 10
    }

    /// Whether this is a debug flavour, which checks its arguments.
    #[must_use]
    pub(crate) const fn is_debug(self) -> bool {
        self.ref_debug || self.trace_refs
    }
}
