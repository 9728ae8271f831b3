//! What a traced run leaves behind: an event at each site that it passed.

use super::site::Kinds;
use super::watched::MOST;

/// The most events of a run.
pub(crate) const CAPACITY: usize = 20_000;
/// The longest time of a traced run, in nanoseconds.
pub(crate) const LONGEST: u64 = 100_000_000;

/// The numbers of registers in machine code.
pub(crate) const RAX: usize = 0;
/// As [`RAX`].
pub(crate) const RSP: usize = 4;
/// As [`RAX`].
pub(crate) const RDI: usize = 7;
/// The registers of a function's first six arguments.
pub(crate) const ARGUMENTS: [usize; 6] = [7, 6, 2, 1, 8, 9];

/// One site that the traced thread passed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Event {
    /// The address of the site.
    pub address: usize,
    /// The address behind its instruction.
    pub next: usize,
    /// What the site is.
    pub kinds: Kinds,
    /// For an entry: whether the function is the `tp_dealloc` of its first argument.
    pub is_dealloc: bool,
    /// For an entry: the number of the function.
    pub function: u32,
    /// For an entry: the return address.
    pub caller: usize,
    /// The registers, by their numbers in machine code.
    pub registers: [usize; 16],
    /// The count of each watched object.
    pub counts: [i64; MOST],
    /// For a `tp_dealloc`: how many words of the dying object lead to each watched object. Behind a call: how many items
    /// of the returned tuple or list do.
    pub held: [u8; MOST],
}
