//! What objects look like in each flavour: the offsets of CPython's fields, read at run time.

/// A flavour by its name: `cp313`, `cp313-refdebug`, `cp314t`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flavour {
    pub(crate) minor: u32,
    pub(crate) free_threaded: bool,
    pub(crate) ref_debug: bool,
    pub(crate) trace_refs: bool,
}

impl Flavour {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut words = name.split('-');
        let version = words.next()?.strip_prefix("cp3")?;
        let number = version.trim_end_matches('t');
        let mut flavour = Self {
            minor: number.parse().ok()?,
            free_threaded: number != version,
            ref_debug: false,
            trace_refs: false,
        };
        for word in words {
            match word {
                "refdebug" => flavour.ref_debug = true,
                "tracerefs" => flavour.trace_refs = true,
                _ => return None,
            }
        }
        Some(flavour)
    }

    /// Whether the objects themselves hold the links of the list of all objects.
    pub(crate) fn has_links(self) -> bool {
        self.trace_refs && self.minor <= 12
    }

    /// The size of a `PyObject`.
    pub(crate) fn head(self) -> usize {
        if self.has_links() || self.free_threaded {
            32
        } else {
            16
        }
    }

    /// The offsets and names of the words of an object's count.
    pub(crate) fn words(self) -> &'static [(usize, &'static str)] {
        match (self.free_threaded, self.has_links()) {
            (true, _) => &[
                (0, "ob_tid"),
                (
                    8,
                    "the word of ob_flags, ob_mutex, ob_gc_bits, ob_ref_local",
                ),
                (16, "ob_ref_shared"),
            ],
            (false, true) => &[(16, "ob_refcnt")],
            (false, false) => &[(0, "ob_refcnt")],
        }
    }

    /// The offset of a type's field, given its offset when a `PyObject` has 16 bytes.
    pub(crate) fn type_field(self, offset: usize) -> usize {
        offset + self.head() - 16
    }

    /// Whether a type's `tp_dealloc` must call the trashcan.
    pub(crate) fn types_use_trashcan(self) -> bool {
        self.minor <= 13
    }
}
