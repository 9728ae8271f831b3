//! Dictionaries, which do not visit keys if all are strings.

use std::sync::OnceLock;

use super::{Visitor, field};
use crate::abi::{self, FLAVOUR, PyObject, PyTypeObject};
use crate::audit::heap::blocks;
use crate::audit::heap::builtin::builtin;
use crate::lifecycle::count;

/// Places in a dictionary. Behind `ma_used` lies a version.
const MA_USED: usize = 0;
const MA_KEYS: usize = 16;
const MA_VALUES: usize = 24;

/// In a values array, whose first word has four one-byte numbers: whether the array lies in an instance.
const EMBEDDED: usize = 2;

/// The state of a string, behind its length and hash. The lowest two bits say whether it is interned.
const STATE: usize = 16;

/// Bytes in front of the index table.
const HEAD: usize = if FLAVOUR.has_kinds_of_keys() { 32 } else { 40 };

/// From 3.11 on: the greatest `dk_kind`.
const LAST_KIND: u8 = 2;

/// `dk_lookup` of a table with other keys than strings. Up to 3.10 it is the only mark of such a table.
static GENERAL_LOOKUP: OnceLock<usize> = OnceLock::new();

/// Learns from the host the facts that have no symbol.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn learn() {
    if FLAVOUR.has_kinds_of_keys() {
        return;
    }
    let own = builtin();
    let (Some(new), Some(set)) = (own.PyDict_New, own.PyDict_SetItem) else {
        return;
    };
    // SAFETY: these are the host's own functions, and its lock is held. A type is a key that is no string, and a new
    // dictionary has all fields.
    unsafe {
        let dict = new();
        let key = own.PyType_Type as *mut PyObject;
        if dict.is_null() || key.is_null() || set(dict, key, key) != 0 {
            return;
        }
        let keys = field(dict, MA_KEYS);
        let lookup = *keys.byte_add(16).cast::<usize>();
        let _ = GENERAL_LOOKUP.set(lookup);
        count::release(dict, c"Py_DecRef");
    }
}

pub(super) unsafe fn ask(op: *mut PyObject, is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has the size of a dictionary. `is_readable` is asked before its parts are read.
    unsafe {
        let keys = field(op, MA_KEYS) as usize;
        let values = field(op, MA_VALUES) as usize;
        let Some(table) = Table::at(keys, visitor) else {
            return;
        };
        if values == 0 {
            table.read(!is_tracked, visitor);
            return;
        }
        ask_keys(keys, visitor);
        // From 3.13 on the values may lie in the instance, which visits them itself.
        if FLAVOUR.has_inline_values()
            && (!visitor.is_readable(values, 8) || *((values + EMBEDDED) as *const u8) != 0)
        {
            return;
        }
        let first = values + if FLAVOUR.has_inline_values() { 8 } else { 0 };
        if !is_tracked && visitor.is_readable(first, table.nentries * 8) {
            for at in 0..table.nentries {
                visitor.read(*(first as *const *mut PyObject).add(at));
            }
        }
    }
}

/// Whether a block has the keys of a dead dictionary, which wait in CPython's free list for a new one.
///
/// # Safety
/// `start` is a multiple of 8. So many bytes can be read from it.
pub(super) unsafe fn is_parked(start: usize, bytes: usize) -> bool {
    /// The smallest table has strings only, eight entries of index and five of keys. Then the word that shows its shape,
    /// and which bits of it: from 3.11 on the log2 sizes and the kind, a byte each; before, the size.
    const SMALLEST: (usize, usize, usize) = if FLAVOUR.has_kinds_of_keys() {
        (HEAD + 8 + 5 * 16, 0x01_03_03, 0xff_ff_ff)
    } else {
        (HEAD + 8 + 5 * 24, 8, !0)
    };
    /// From 3.14 on the word of the reference count links to the next such block.
    const IS_LINKED: bool = FLAVOUR.links_parked_keys();
    let (length, wanted, mask) = SMALLEST;
    if bytes != length {
        return false;
    }
    // SAFETY: the block has two words, as its length says.
    let [references, shape] = unsafe { *(start as *const [usize; 2]) };
    // A live table of this shape belongs to one dictionary, so it has one reference. An address is a multiple of 16.
    (references == 0 || IS_LINKED && references % 16 == 0) && shape & mask == wanted
}

/// Whether a dictionary is the table of interned strings. Its two references to each string are not counted. From 3.14
/// on the collector tracks the table like any dictionary.
///
/// # Safety
/// `op` has the size of a dictionary.
pub(super) unsafe fn is_interned(op: *mut PyObject, visitor: &mut dyn Visitor) -> bool {
    /// Any interpreter has more interned strings. Nearly all other dictionaries have fewer entries.
    const FEWEST: usize = 500;
    /// The number of entries to look at.
    const ENOUGH: usize = 100;
    // SAFETY: `op` has the size of a dictionary. `is_readable` is asked before its parts are read.
    unsafe {
        if (field(op, MA_USED) as usize) < FEWEST {
            return false;
        }
        let Some(table) = Table::at(field(op, MA_KEYS) as usize, visitor) else {
            return false;
        };
        let mut looked_at = 0;
        for at in 0..table.nentries {
            let [key, value] = table.entry_at(at);
            if key.is_null() || value.is_null() {
                continue;
            }
            let is_one = key == value
                && visitor.is_readable(
                    key as usize,
                    size_of::<PyObject>() + STATE + size_of::<usize>(),
                )
                && visitor.is_readable(abi::type_of(key) as usize, size_of::<PyTypeObject>())
                && abi::flags_of(key).is_string()
                && field(key, STATE) as usize & 3 != 0;
            if !is_one {
                return false;
            }
            looked_at += 1;
            if looked_at == ENOUGH {
                break;
            }
        }
        looked_at != 0
    }
}

/// The keys and values of a dictionary that does not share its keys; empty if `op` is no such dictionary.
///
/// # Safety
/// Memory that `visitor` calls readable can be read.
pub(super) unsafe fn entries(
    op: *mut PyObject,
    visitor: &mut dyn Visitor,
) -> Vec<[*mut PyObject; 2]> {
    let size = size_of::<PyObject>() + MA_VALUES + size_of::<usize>();
    if !op.cast::<usize>().is_aligned() || !visitor.is_readable(op as usize, size) {
        return Vec::new();
    }
    // SAFETY: a dictionary's size can be read at `op`. Its type is compared and its table checked before their fields
    // are read.
    unsafe {
        if abi::type_of(op) as usize != builtin().PyDict_Type || !field(op, MA_VALUES).is_null() {
            return Vec::new();
        }
        let Some(table) = Table::at(field(op, MA_KEYS) as usize, visitor) else {
            return Vec::new();
        };
        let entries = (0..table.nentries).map(|at| table.entry_at(at));
        entries.filter(|[_, value]| !value.is_null()).collect()
    }
}

/// Reads the keys that instances of a type share, once.
///
/// # Safety
/// `keys` may be any word. Memory that `visitor` calls readable can be read.
pub(super) unsafe fn ask_keys(keys: usize, visitor: &mut dyn Visitor) {
    if keys != 0
        && visitor.is_first(keys)
        // SAFETY: readable memory can be read, as the caller promises.
        && let Some(table) = unsafe { Table::at(keys, visitor) }
    {
        // SAFETY: `Table::at` has checked that the table can be read.
        unsafe { table.read(false, visitor) }
    }
}

/// Whether a table of this size can have so many used and usable entries. CPython fills at most two thirds of a table.
fn fits(size: usize, usable: usize, nentries: usize) -> bool {
    let most = size.checked_mul(2).map_or(0, |twice| twice / 3);
    usable.checked_add(nentries).is_some_and(|all| all <= most)
}

/// The entries of a dictionary's table.
#[derive(Clone, Copy, Debug)]
struct Table {
    first: usize,
    nentries: usize,
    /// Not all keys are strings. Then `tp_traverse` visits the keys, and each entry begins with a hash.
    is_general: bool,
    has_hashes: bool,
}

impl Table {
    /// The table at `keys`, if all of it can be read and its numbers fit.
    ///
    /// # Safety
    /// Memory that `visitor` calls readable can be read.
    unsafe fn at(keys: usize, visitor: &mut dyn Visitor) -> Option<Self> {
        if !keys.is_multiple_of(8) || !visitor.is_readable(keys, HEAD) {
            return None;
        }
        // SAFETY: the table's head can be read.
        let word = |at: usize| unsafe { *((keys + at) as *const usize) };
        let table = if FLAVOUR.has_kinds_of_keys() {
            let [log2_size, log2_index_bytes, kind, ..] = word(8).to_ne_bytes();
            let indices = 1_usize.checked_shl(log2_index_bytes.into())?;
            let size = 1_usize.checked_shl(log2_size.into())?;
            let is_general = kind == 0;
            if kind > LAST_KIND || indices < size || !fits(size, word(16), word(24)) {
                return None;
            }
            Self {
                first: keys.checked_add(HEAD + indices)?,
                nentries: word(24),
                is_general,
                has_hashes: is_general,
            }
        } else {
            let size = word(8);
            if !size.is_power_of_two() || !fits(size, word(24), word(32)) {
                return None;
            }
            let index = match size {
                ..=0xFF => 1,
                0x100..=0xFFFF => 2,
                0x1_0000..=0xFFFF_FFFF => 4,
                _ => 8,
            };
            Self {
                first: keys
                    .checked_add(size.checked_mul(index)?)?
                    .checked_add(HEAD)?,
                nentries: word(32),
                is_general: GENERAL_LOOKUP.get() == Some(&word(16)),
                has_hashes: true,
            }
        };
        let bytes = table.nentries.checked_mul(table.entry())?;
        // Up to 3.12 the table may lie in a noted block, and ends there.
        let room = blocks::room(keys).unwrap_or(usize::MAX - keys);
        let is_inside = bytes <= room.saturating_sub(table.first - keys);
        (is_inside && visitor.is_readable(table.first, bytes)).then_some(table)
    }

    const fn entry(self) -> usize {
        if self.has_hashes { 24 } else { 16 }
    }

    /// The key and the value of an entry; NULL for a removed one.
    ///
    /// # Safety
    /// The table can be read, and has an entry `at`.
    unsafe fn entry_at(self, at: usize) -> [*mut PyObject; 2] {
        let entry = self.first + at * self.entry() + self.entry() - 16;
        // SAFETY: the entry lies in the table, which can be read.
        unsafe { *(entry as *const [*mut PyObject; 2]) }
    }

    /// Reads the keys that `tp_traverse` does not visit; with `all`, reads every key and value.
    ///
    /// # Safety
    /// The table can be read.
    unsafe fn read(self, all: bool, visitor: &mut dyn Visitor) {
        if self.is_general && !all {
            return;
        }
        for at in 0..self.nentries {
            // SAFETY: the table can be read, and has this entry.
            let [key, value] = unsafe { self.entry_at(at) };
            visitor.read(key);
            if all {
                visitor.read(value);
            }
        }
    }
}
