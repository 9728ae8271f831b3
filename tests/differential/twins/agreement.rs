//! What the two libraries must agree on after each step.

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;

use super::naming::{name, names, told_apart};
use super::{Difference, NO_TWIN, Twin, Twins};
use crate::kinds::Kind;
use crate::library::Symbol;
use crate::listing;
use crate::memory::word;
use crate::side::{DESTROY, Event, Side};
use crate::strange;

/// The offset of `ob_ref_shared`, the mask of its flags, and the flags of a queued object.
const SHARED: usize = 16;
const FLAGS: usize = 3;
const QUEUED: usize = 2;

impl Twins {
    /// Compares the events and their order, the heads of all objects, and the totals.
    pub(super) fn settle(&mut self) -> Result<(), Difference> {
        let [mut ours, theirs] = self.sides.map(|side| std::mem::take(&mut *side.events()));
        if !self.sides[1].tells_aside.load(Relaxed) {
            self.leave_aside_out(&mut ours, &theirs);
        }
        if ours != theirs {
            return Err(told_apart(&ours, &theirs));
        }
        self.dead.clear();
        for event in ours {
            self.happened(event);
        }
        if !self.dead.is_empty() {
            let twins = &self.twins;
            self.alive.retain(|id| twins[*id].alive);
        }
        let [ours, theirs] = self.sides;
        for id in self.alive.iter().chain(&self.dead) {
            let (op, other) = (ours.object(*id), theirs.object(*id));
            for (offset, field) in ours.flavour.words() {
                let (is, should_be) = (word(op + offset), word(other + offset));
                if is != should_be {
                    return Err(format!(
                        "{field} of {} is {is:#x}, CPython's {should_be:#x}",
                        name(*id)
                    ));
                }
            }
            if ours.flavour.free_threaded {
                self.twins[*id].was_queued |= word(other + SHARED) & FLAGS == QUEUED;
            }
            if self.twins[*id].kind.is_container() && ours.gc_state(op) != theirs.gc_state(other) {
                return Err(format!(
                    "{} is tracked, with flags: {:?}, CPython's {:?}",
                    name(*id),
                    ours.gc_state(op),
                    theirs.gc_state(other)
                ));
            }
        }
        let counts = self
            .sides
            .map(|side| strange::count_words(side, side.types[Kind::Heap as usize]));
        if counts[0] != counts[1] {
            return Err(format!(
                "the words of the heap type are {:x?}, CPython's {:x?}",
                counts[0], counts[1]
            ));
        }
        let totals = self.sides.map(total);
        let [is, should_be] = [0, 1].map(|n| totals[n] - self.totals[n]);
        if is != should_be {
            return Err(format!(
                "the total has changed by {is}, CPython's by {should_be}"
            ));
        }
        if ours.flavour.has_links() {
            let [is, should_be] = self.sides.map(|side| listing::ring(side, &self.alive));
            if is != should_be {
                return Err(format!(
                    "the list of all objects is {}, CPython's {}",
                    names(&is),
                    names(&should_be)
                ));
            }
        }
        Ok(())
    }

    /// Removes our tracer's deaths of containers that CPython's tracer did not get.
    fn leave_aside_out(&self, ours: &mut Vec<Event>, theirs: &[Event]) {
        let told: HashSet<usize> = theirs.iter().filter_map(destroyed).collect();
        ours.retain(|event| {
            destroyed(event)
                .is_none_or(|id| told.contains(&id) || !self.twins[id].kind.is_container())
        });
    }

    pub(super) fn happened(&mut self, event: Event) {
        match event {
            Event::Died(id) => {
                for held in self.twins[id].slots.into_iter().flatten() {
                    self.twins[held].held -= 1;
                }
                self.twins[id] = Twin {
                    kind: self.twins[id].kind,
                    ..NO_TWIN
                };
                self.dead.push(id);
                self.free.push(id);
            }
            Event::Resurrected(id) => self.twins[id].owned += 1,
            Event::Emptied(id) => {
                if let Some(held) = self.twins[id].slots[0].take() {
                    self.twins[held].held -= 1;
                }
            }
            Event::Aside(_) | Event::Finalized(_) | Event::Traced(..) | Event::TracedNone(..) => {}
        }
    }
}

/// The object of an event that tells a tracer of a death.
fn destroyed(event: &Event) -> Option<usize> {
    match event {
        Event::Traced(_, DESTROY, id) => Some(*id),
        _ => None,
    }
}

/// The total of all references; 0 if the flavour has none.
pub(super) fn total(side: &Side) -> isize {
    let symbol = if side.flavour.minor >= 12 {
        Symbol::_Py_GetGlobalRefTotal
    } else {
        Symbol::_Py_GetRefTotal
    };
    if side.has(symbol) {
        side.call(symbol, &[]) as isize
    } else {
        0
    }
}
