//! References that the audit itself holds, so that an object that is released too often stays alive.

use super::getrefcount;
use crate::abi::{Head, PyObject};
use crate::audit::walk::pinned::{FRONT, REFERENCES, new_set, pinned};
use crate::lifecycle::death;
use crate::refcount::{Current, Policy};

/// Objects that are held with [`REFERENCES`] each.
#[derive(Debug)]
pub(in crate::audit) struct Pins {
    number: u64,
}

impl Pins {
    /// A new set, without objects.
    ///
    /// # Safety
    /// The host's lock is held.
    pub(in crate::audit) unsafe fn new() -> Self {
        let number = new_set();
        // SAFETY: the caller's promise is the callee's.
        unsafe { getrefcount::leave_out_pins(true) };
        Self { number }
    }

    /// Pins mortal objects.
    ///
    /// # Safety
    /// The objects are mortal and not in this set, and the host's lock is held.
    pub(in crate::audit) unsafe fn hold(&self, objects: impl Iterator<Item = *mut PyObject>) {
        self.with(|own| {
            for op in objects {
                // SAFETY: the object is mortal, and the host's lock is held.
                unsafe { add(op, REFERENCES) };
                own.push(op as usize);
            }
            // The vector holds two sorted runs, old and new. The sort merges them fast.
            own.sort();
        });
    }

    /// Whether a pinned object starts in a block. Blocks must be asked in order of addresses.
    pub(in crate::audit) fn known(&self) -> impl FnMut(usize, usize) -> bool + use<> {
        let mut own = self.with(|own| own.clone()).into_iter().peekable();
        move |block, room| {
            while own.next_if(|&op| op < block).is_some() {}
            own.peek().is_some_and(|op| op - block < room.min(FRONT))
        }
    }

    pub(in crate::audit) fn objects(&self) -> usize {
        self.with(|own| own.len())
    }

    fn with<T>(&self, what: impl FnOnce(&mut Vec<usize>) -> T) -> T {
        what(pinned().sets.entry(self.number).or_default())
    }

    /// Releases the pins. An object without another reference dies, unless the last snapshot saw it shown.
    ///
    /// # Safety
    /// The host's lock is held.
    pub(in crate::audit) unsafe fn let_go(self) {
        let objects = {
            let mut pinned = pinned();
            let objects = pinned.sets.remove(&self.number).unwrap_or_default();
            if pinned.sets.is_empty() {
                // SAFETY: the caller's promise is the callee's.
                unsafe { getrefcount::leave_out_pins(false) };
            }
            objects
        };
        for place in objects {
            let op = place as *mut PyObject;
            let is_kept = pinned().kept.contains(&place);
            if is_kept {
                pinned().for_good.push(place);
                continue;
            }
            // SAFETY: the object was pinned until now, so it is alive, and the host's lock is held. An object that
            // became immortal meanwhile keeps its count.
            unsafe {
                if !Current::is_immortal(PyObject::count(op)) {
                    add(op, -REFERENCES);
                    if Current::get(PyObject::count(op)) == 0 {
                        death::dealloc(op);
                    }
                }
            }
        }
    }
}

/// # Safety
/// `op` is a mortal object, and the host's lock is held.
unsafe fn add(op: *mut PyObject, references: isize) {
    // SAFETY: `op` is an object; the host's lock is held, so no other thread counts.
    unsafe {
        let count = PyObject::count(op);
        Current::set(count, Current::get(count) + references);
    }
}
