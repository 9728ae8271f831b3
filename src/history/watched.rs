//! The objects whose counts a traced run notes.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::abi::{FLAVOUR, Head, PyObject};

/// The most objects.
pub(crate) const MOST: usize = 8;

/// The address of each watched object; 0 for one that is not born yet, or whose memory was freed.
static OBJECTS: [AtomicUsize; MOST] = [const { AtomicUsize::new(0) }; MOST];

/// Watches the object at this place from now on. 0 ends it.
pub fn set(place: usize, op: usize) {
    // Relaxed, in this file: only the traced thread reads what it has written. It holds the host's lock.
    OBJECTS[place].store(op, Ordering::Relaxed);
}

/// The address of the object at this place.
#[must_use]
pub fn get(place: usize) -> usize {
    OBJECTS[place].load(Ordering::Relaxed)
}

/// The addresses of all.
#[must_use]
pub fn all() -> [usize; MOST] {
    std::array::from_fn(get)
}

/// Ends the watch of an object whose memory is freed.
pub fn freed(op: usize) {
    for object in &OBJECTS {
        if object.load(Ordering::Relaxed) == op {
            object.store(0, Ordering::Relaxed);
        }
    }
}

/// The count of each watched object. Takes no lock, and allocates nothing.
#[must_use]
pub fn counts() -> [i64; MOST] {
    all().map(|op| {
        if op == 0 {
            return 0;
        }
        let word = PyObject::count_address(op as *mut PyObject) as *const u64;
        // SAFETY: the memory of a watched object stays mapped until `freed`. Every bit pattern is a number.
        count(unsafe { word.read_volatile() })
    })
}

/// The count in the first word of an object. CPython's free lists link dead objects through that word; then it is 0.
fn count(word: u64) -> i64 {
    const MIDDLE: u64 = 0xFFFF_0000_0000;
    if word & MIDDLE != 0 {
        0
    } else if FLAVOUR.has_immortals() {
        // A count that fell below zero stays near zero.
        i64::from(word as i32)
    } else {
        word as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_no_count() {
        assert_eq!(count(3), 3);
        assert_eq!(count(0x7f12_3456_7890), 0);
    }
}
