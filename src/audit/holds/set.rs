//! Sets that the collector does not track, such as frozen sets from 3.15 on.

use super::{Visitor, field};
use crate::abi::PyObject;

/// Entries with a key, or with the mark of a removed one.
const FILL: usize = 0;
/// Entries with a key.
const USED: usize = 8;
/// The number of entries minus one.
const MASK: usize = 16;
const TABLE: usize = 24;
/// The table of a small set, behind the hash and the finger.
const SMALL_TABLE: usize = 48;
const SMALL: usize = 8;

pub(super) unsafe fn ask(op: *mut PyObject, is_tracked: bool, visitor: &mut dyn Visitor) {
    if is_tracked {
        return;
    }
    // SAFETY: `op` has the size of a set. Its numbers are compared and `is_readable` is asked before the table is read.
    unsafe {
        let word = |at| field(op, at) as usize;
        let entries = word(MASK).wrapping_add(1);
        let table = field(op, TABLE).cast::<[usize; 2]>();
        let own_table = op.byte_add(size_of::<PyObject>() + SMALL_TABLE).cast();
        let is_table = entries.is_power_of_two()
            && (entries == SMALL) == (table == own_table)
            && word(USED) <= word(FILL)
            && word(FILL) < entries;
        if !is_table {
            return;
        }
        let Some(bytes) = entries.checked_mul(size_of::<[usize; 2]>()) else {
            return;
        };
        if !table.is_aligned() || !visitor.is_readable(table as usize, bytes) {
            return;
        }
        for at in 0..entries {
            // The mark of a removed key is an immortal object.
            let [key, _hash] = *table.add(at);
            visitor.read(key as *mut PyObject);
        }
    }
}
