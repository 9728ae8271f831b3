//! Code objects, which are containers only on free-threaded builds.

use super::{Visitor, field};
use crate::abi::{FLAVOUR, PyObject};

/// The constants, the names, the tables and the other objects.
const PLACES: &[usize] = match FLAVOUR.minor {
    ..=10 => &[32, 40, 48, 56, 64, 72, 88, 96, 104],
    _ => &[8, 16, 24, 80, 88, 96, 104, 112, 120],
};

/// A field with what a code object has computed once.
enum Cached {
    Nothing,
    /// The object `co_code`.
    Code(usize),
    /// The address of four words, for `co_code`, `co_varnames`, `co_cellvars` and `co_freevars`.
    Four(usize),
}

const CACHED: Cached = match FLAVOUR.minor {
    ..=10 => Cached::Nothing,
    11 => Cached::Code(136),
    12 => Cached::Four(136),
    _ => Cached::Four(144),
};

/// The constants. A free-threaded collector tracks code objects and visits this field.
const CONSTANTS: usize = 8;

pub(super) unsafe fn ask(op: *mut PyObject, is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has the size of a code object. `is_readable` is asked before the cache is read.
    unsafe {
        let own = PLACES
            .iter()
            .filter(|&&place| !(is_tracked && place == CONSTANTS));
        own.for_each(|&place| visitor.read(field(op, place)));
        match CACHED {
            Cached::Nothing => {}
            Cached::Code(place) => visitor.read(field(op, place)),
            Cached::Four(place) => {
                let four = field(op, place);
                if four.is_aligned() && visitor.is_readable(four as usize, 32) {
                    for at in 0..4 {
                        visitor.read(*four.cast::<*mut PyObject>().add(at));
                    }
                }
            }
        }
    }
}
