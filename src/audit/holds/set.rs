//! Sets that the collector does not track, as frozen ones from 3.15 on.

use super::{Held, field};
use crate::abi::PyObject;

/// `fill` and `used` stand in front of these.
const MASK: usize = 16;
const TABLE: usize = 24;

pub(super) unsafe fn ask(op: *mut PyObject, is_tracked: bool, held: &mut dyn Held) {
    if is_tracked {
        return;
    }
    // SAFETY: `op` is a set, or a copy of one; whether its table is there is asked first.
    unsafe {
        let entries = (field(op, MASK) as usize).wrapping_add(1);
        let table = field(op, TABLE).cast::<[usize; 2]>();
        let Some(bytes) = entries.checked_mul(size_of::<[usize; 2]>()) else {
            return;
        };
        if !table.is_aligned() || !held.is_readable(table as usize, bytes) {
            return;
        }
        for at in 0..entries {
            // The mark where a key was removed is an object too, and immortal.
            let [key, _hash] = *table.add(at);
            held.read(key as *mut PyObject);
        }
    }
}
