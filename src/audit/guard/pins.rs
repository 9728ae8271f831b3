//! References that the audit itself holds, so that an object that is released too often stays alive.

use super::getrefcount;
use crate::abi::{Head, PyObject};
use crate::audit::walk::counted::counted;
use crate::audit::walk::pinned::{Pinned, REFERENCES, new_set, pinned};
use crate::host::prefetch;
use crate::lifecycle::death;
use crate::refcount::{Current, Policy};

/// So many objects further on, the processor loads memory while an object is judged.
const AHEAD: usize = 16;

/// The objects that a set gains.
pub(in crate::audit) struct Held<'a>(&'a mut Vec<usize>);

impl Held<'_> {
    /// Pins one more.
    ///
    /// # Safety
    /// `op` is a mortal object and not in this set, and the host's lock is held.
    #[inline]
    pub(in crate::audit) unsafe fn add(&mut self, op: *mut PyObject) {
        // SAFETY: the caller's promise is the callee's.
        unsafe { add(op, REFERENCES) };
        self.0.push(op as usize);
    }

    /// As [`Held::add`], for each.
    ///
    /// # Safety
    /// As for [`Held::add`].
    pub(in crate::audit) unsafe fn add_all(&mut self, all: impl Iterator<Item = *mut PyObject>) {
        // SAFETY: the caller's promise is the callee's.
        all.for_each(|op| unsafe { self.add(op) });
    }
}

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

    /// As [`Pins::hold`], for an empty set of many objects, which are passed in order of addresses.
    ///
    /// # Safety
    /// As for [`Pins::hold`].
    #[inline]
    pub(in crate::audit) unsafe fn hold_many(&self, find: impl FnOnce(&mut Held<'_>)) {
        let Pinned { sets, room, .. } = &mut *pinned();
        let own = sets.entry(self.number).or_default();
        *own = std::mem::take(room);
        find(&mut Held(own));
        debug_assert!(own.is_sorted());
    }

    /// Pins the objects that `find` passes to its argument.
    ///
    /// # Safety
    /// The objects are mortal and not in this set, and the host's lock is held. `find` uses no pins.
    #[inline]
    pub(in crate::audit) unsafe fn hold(&self, find: impl FnOnce(&mut Held<'_>)) {
        self.with(|own| {
            find(&mut Held(own));
            // The vector holds two sorted runs, old and new. The sort merges them fast.
            own.sort();
        });
    }

    /// Asks `may_go` for each object, with the counted references, and removes the pins of those that may. An object
    /// that must stay pinned stays. Returns the objects without pins, for [`Pins::add_back`].
    ///
    /// # Safety
    /// The host's lock is held. `may_go` uses no pins, and is true only for an object with another reference.
    #[inline]
    pub(in crate::audit) unsafe fn remove(
        &self,
        mut may_go: impl FnMut(*mut PyObject, isize) -> bool,
    ) -> Vec<usize> {
        let Pinned { sets, kept, .. } = &mut *pinned();
        let own = sets.entry(self.number).or_default();
        let mut stay = Vec::new();
        for (at, &place) in own.iter().enumerate() {
            if let Some(&ahead) = own.get(at + AHEAD) {
                prefetch(ahead);
            }
            let op = place as *mut PyObject;
            // SAFETY: a pinned object is alive, and the host's lock is held.
            unsafe {
                let refcount = counted(op);
                if refcount.is_some_and(|refcount| may_go(op, refcount))
                    && (kept.is_empty() || !kept.contains(&place))
                {
                    add(op, -REFERENCES);
                } else {
                    stay.push(place);
                }
            }
        }
        std::mem::replace(own, stay)
    }

    /// Pins the objects again that [`Pins::remove`] has returned, where their pins were removed.
    ///
    /// # Safety
    /// The host's lock is held, and nothing has happened since.
    pub(in crate::audit) unsafe fn add_back(&self, removed: Vec<usize>) {
        self.with(|own| {
            let mut stayed = std::mem::take(own).into_iter().peekable();
            for &place in &removed {
                if stayed.next_if_eq(&place).is_none() {
                    // SAFETY: the object was pinned, and is alive; the host's lock is held.
                    unsafe { add(place as *mut PyObject, REFERENCES) };
                }
            }
            *own = removed;
        });
    }

    /// The set's number.
    pub(in crate::audit) fn number(&self) -> u64 {
        self.number
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
        let (objects, kept) = {
            let mut pinned = pinned();
            let objects = pinned.sets.remove(&self.number).unwrap_or_default();
            if pinned.sets.is_empty() {
                // SAFETY: the caller's promise is the callee's.
                unsafe { getrefcount::leave_out_pins(false) };
            }
            (objects, pinned.kept.clone())
        };
        for &place in &objects {
            let op = place as *mut PyObject;
            if kept.contains(&place) {
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
        pinned().keep_room(objects);
    }
}

/// # Safety
/// `op` is a mortal object, and the host's lock is held.
#[inline]
unsafe fn add(op: *mut PyObject, references: isize) {
    // SAFETY: `op` is an object; the host's lock is held, so no other thread counts.
    unsafe {
        let count = PyObject::count(op);
        Current::set(count, Current::get(count) + references);
    }
}
