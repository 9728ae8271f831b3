//! One instruction of an extension at which a traced run stops, and the way past it.

/// What a site is. A site may be several things at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    /// The first instruction of a function.
    pub(crate) const ENTRY: Self = Self(1);
    /// A call.
    pub(crate) const CALL: Self = Self(2);
    /// The instruction behind a call.
    pub(crate) const AFTER: Self = Self(4);
    /// It writes a word that may be a reference count.
    pub(crate) const STORE: Self = Self(8);
    /// A jump out of the function: the function's caller gets the result of another.
    pub(crate) const TAIL: Self = Self(16);
    /// The place outside of all extensions to which a function of an extension returns.
    pub(crate) const OUTSIDE: Self = Self(32);
    /// A call of a function that only counts a reference, such as `Py_IncRef`.
    pub(crate) const COUNTS: Self = Self(64);
    /// The entry of a function of the C library that `fatal_calls` knows.
    pub(crate) const FATAL_CALL: Self = Self(128);

    /// Whether it is one of these.
    #[must_use]
    pub(crate) const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    /// Both.
    #[must_use]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Where a call or a jump leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To this address.
    At(usize),
    /// To the address in a register. Registers are numbered as in machine code.
    Register(u8),
    /// To the address in a word of memory.
    Memory(Place),
}

/// A word of memory, as an instruction names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// A register whose value is added.
    pub base: Option<u8>,
    /// A register whose value is added, multiplied by the number.
    pub index: Option<(u8, u8)>,
    /// What is added besides; without registers, the address.
    pub displacement: usize,
}

/// How a thread goes on behind a site without the instruction at the site itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// At a copy of the instruction, which a jump to the next one follows.
    Copy(usize),
    /// A call that returns to the second address.
    Call(Target, usize),
    /// A jump.
    Jump(Target),
    /// A jump to the first address if a condition holds, and else to the second. The condition has the number that
    /// machine code gives it.
    Branch(u8, usize, usize),
    /// A return that removes so many bytes besides.
    Return(u16),
}

/// A site of one table.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// The address of the instruction.
    pub address: usize,
    /// The address behind it.
    pub next: usize,
    /// What it is.
    pub kinds: Kinds,
    /// The way past it.
    pub step: Step,
    /// Its first byte.
    pub byte: u8,
    /// For an entry: the number of its function. For a fatal call: its index in `fatal_calls`.
    pub function: u32,
}
