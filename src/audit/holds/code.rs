//! Code objects, which are containers only on free-threaded builds.

use super::{Visitor, field};
use crate::abi::{FLAVOUR, PyObject};

/// The constants, the names, the tables and the other objects.
const PLACES: &[usize] = match FLAVOUR.minor {
    ..=10 => &[32, 40, 48, 56, 64, 72, 88, 96, 104],
    _ => &[8, 16, 24, 80, 88, 96, 104, 112, 120],
};

/// The cached `co_code` on 3.11. From 3.12 on the address of four words, for `co_code`, `co_varnames`, `co_cellvars`
/// and `co_freevars`.
const CACHED: usize = if FLAVOUR.minor <= 12 { 136 } else { 144 };

/// The constants. A free-threaded collector tracks code objects and visits this field.
const CONSTANTS: usize = 8;

pub(super) unsafe fn ask(op: *mut PyObject, is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has the size of a code object. `is_readable` is asked before the cache is read.
    unsafe {
        let own = PLACES
            .iter()
            .filter(|&&place| !(is_tracked && place == CONSTANTS));
        own.for_each(|&place| visitor.read(field(op, place)));
        if FLAVOUR.minor <= 10 {
            return;
        }
        let cached = field(op, CACHED);
        if FLAVOUR.minor == 11 {
            visitor.read(cached);
        } else if cached.is_aligned() && visitor.is_readable(cached as usize, 32) {
            for at in 0..4 {
                visitor.read(*cached.cast::<*mut PyObject>().add(at));
            }
        }
    }
}
