use super::Flavour;

/// The `tp_flags` of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeFlags(pub u64);

impl TypeFlags {
    /// The pointer to the weak references lies in front of the object (3.12 and later).
    ///
    /// cbindgen:ignore
    pub const MANAGED_WEAKREF: u64 = 1 << 3;
    /// The pointer to the dictionary lies in front of the object (3.11 and later).
    ///
    /// cbindgen:ignore
    pub const MANAGED_DICT: u64 = 1 << 4;
    /// The type was made at run time.
    ///
    /// cbindgen:ignore
    pub const HEAPTYPE: u64 = 1 << 9;
    /// Instances take part in garbage collection.
    ///
    /// cbindgen:ignore
    pub const HAVE_GC: u64 = 1 << 14;
    /// Instances are integers.
    ///
    /// cbindgen:ignore
    pub const LONG_SUBCLASS: u64 = 1 << 24;
    /// Instances are lists.
    ///
    /// cbindgen:ignore
    pub const LIST_SUBCLASS: u64 = 1 << 25;
    /// Instances are bytes objects.
    ///
    /// cbindgen:ignore
    pub const BYTES_SUBCLASS: u64 = 1 << 27;
    /// Instances are strings.
    ///
    /// cbindgen:ignore
    pub const UNICODE_SUBCLASS: u64 = 1 << 28;
    /// Instances are dictionaries.
    ///
    /// cbindgen:ignore
    pub const DICT_SUBCLASS: u64 = 1 << 29;
    /// Instances are types.
    ///
    /// cbindgen:ignore
    pub const TYPE_SUBCLASS: u64 = 1 << 31;

    /// Whether instances are integers.
    #[must_use]
    pub const fn is_integer(self) -> bool {
        self.0 & Self::LONG_SUBCLASS != 0
    }

    /// Whether instances are bytes objects.
    #[must_use]
    pub const fn is_bytes(self) -> bool {
        self.0 & Self::BYTES_SUBCLASS != 0
    }

    /// Whether instances are dictionaries.
    #[must_use]
    pub const fn is_dict(self) -> bool {
        self.0 & Self::DICT_SUBCLASS != 0
    }

    /// Whether instances are lists or dictionaries.
    #[must_use]
    pub const fn is_list_or_dict(self) -> bool {
        self.0 & (Self::LIST_SUBCLASS | Self::DICT_SUBCLASS) != 0
    }

    /// Whether instances take part in garbage collection.
    #[must_use]
    pub const fn have_gc(self) -> bool {
        self.0 & Self::HAVE_GC != 0
    }

    /// Whether the type was made at run time.
    #[must_use]
    pub const fn is_heap_type(self) -> bool {
        self.0 & Self::HEAPTYPE != 0
    }

    /// Whether instances are types.
    #[must_use]
    pub const fn is_type(self) -> bool {
        self.0 & Self::TYPE_SUBCLASS != 0
    }

    /// Whether instances are strings.
    #[must_use]
    pub const fn is_string(self) -> bool {
        self.0 & Self::UNICODE_SUBCLASS != 0
    }

    /// How many pairs of words in an instance's block lie in front of the object: 0, 1 or 2.
    #[inline]
    #[must_use]
    pub const fn pairs_in_front(self, flavour: Flavour) -> u8 {
        let pre_header = match flavour.minor {
            ..=10 => 0,
            11 => Self::MANAGED_DICT,
            _ => Self::MANAGED_DICT | Self::MANAGED_WEAKREF,
        };
        // In a free-threaded flavour the collector's bits lie in the object itself.
        let gc_head = self.have_gc() && !flavour.free_threaded;
        gc_head as u8 + (self.0 & pre_header != 0) as u8
    }

    /// How many bytes of an instance's block lie in front of the object.
    #[inline]
    #[must_use]
    pub const fn presize(self, flavour: Flavour) -> usize {
        self.pairs_in_front(flavour) as usize * 2 * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn flavour(minor: u8) -> Flavour {
        Flavour {
            name: "",
            minor,
            ref_debug: false,
            trace_refs: false,
            free_threaded: false,
        }
    }

    #[test]
    fn presize_follows_the_version() {
        let all = TypeFlags(TypeFlags::HAVE_GC | TypeFlags::MANAGED_DICT);
        assert_eq!(all.presize(flavour(10)), 16);
        assert_eq!(all.presize(flavour(11)), 32);
        let weak = TypeFlags(TypeFlags::MANAGED_WEAKREF);
        assert_eq!(weak.presize(flavour(11)), 0);
        assert_eq!(weak.presize(flavour(12)), 16);
        assert_eq!(TypeFlags(0).presize(flavour(15)), 0);
        let free_threaded = Flavour {
            free_threaded: true,
            ..flavour(13)
        };
        assert_eq!(all.presize(free_threaded), 16);
    }
}
