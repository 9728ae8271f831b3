//! The types of the twins. Each side has its own type objects, with the same functions.

use std::sync::atomic::Ordering::Relaxed;

use crate::flavour::Flavour;
use crate::library::Symbol;
use crate::memory::{call, store, word, zeroes};
use crate::side::{CREATE, Event, SLOTS, Side};

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only a head.
    Plain,
    /// With a size.
    Var,
    /// With a finalizer.
    Phoenix,
    /// An instance of a heap type.
    Heap,
    /// A container whose type uses the trashcan.
    Box,
    /// A container with a finalizer.
    PhoenixBox,
}

pub(crate) const KINDS: usize = 6;

const HAVE_GC: usize = 1 << 14;
const HEAPTYPE: usize = 1 << 9;
const DEFAULT: usize = 1 << 18;
const BASETYPE: usize = 1 << 10;

/// The bits of a finalizer's script: how often it resurrects the object, and whether it empties the first slot.
pub(crate) const RESURRECTIONS: usize = 3;
pub(crate) const EMPTIES: usize = 4;

impl Kind {
    pub(crate) const ALL: [Self; KINDS] = [
        Self::Plain,
        Self::Var,
        Self::Phoenix,
        Self::Heap,
        Self::Box,
        Self::PhoenixBox,
    ];

    pub(crate) fn is_container(self) -> bool {
        matches!(self, Self::Box | Self::PhoenixBox)
    }

    fn name(self) -> &'static std::ffi::CStr {
        match self {
            Self::Plain => c"Plain",
            Self::Var => c"Var",
            Self::Phoenix => c"Phoenix",
            Self::Heap => c"Heap",
            Self::Box => c"Box",
            Self::PhoenixBox => c"PhoenixBox",
        }
    }

    /// A type of this kind for one side. CPython's side calls PyType_Ready, as an extension does.
    pub(crate) fn make_type(self, side: &Side) -> usize {
        let ob_type = zeroes(1280);
        let flavour = side.flavour;
        let set = |offset: usize, value: usize| store(ob_type + flavour.type_field(offset), value);
        let (dealloc, finalize): (extern "C" fn(usize), bool) = match self {
            Self::Plain | Self::Var => (end, false),
            Self::Phoenix => (end_phoenix, true),
            Self::Heap => (end_of_heap_type, false),
            Self::Box => (end_box, false),
            Self::PhoenixBox => (end_phoenix_box, true),
        };
        set(24, self.name().as_ptr() as usize);
        set(32, side.slot_word(0, SLOTS));
        set(40, if self == Self::Var { 8 } else { 0 });
        set(48, dealloc as *const () as usize);
        let container = if self.is_container() { HAVE_GC } else { 0 };
        set(
            168,
            DEFAULT | BASETYPE | container | if self == Self::Heap { HEAPTYPE } else { 0 },
        );
        if self.is_container() {
            set(184, traverse as *const () as usize);
        }
        if finalize {
            set(392, finalize_phoenix as *const () as usize);
        }
        if self == Self::Heap {
            store_count(flavour, ob_type, 1);
        } else {
            store_count(flavour, ob_type, static_count(flavour));
            if side.is_real {
                assert_eq!(
                    side.call(Symbol::PyType_Ready, &[ob_type]) as i32,
                    0,
                    "a type is not ready"
                );
            }
        }
        ob_type
    }
}

/// The count of a static type that is ready.
fn static_count(flavour: Flavour) -> usize {
    match flavour.minor {
        ..=12 => 1,
        13 => 0xFFFF_FFFF,
        _ => 0x0005_0000_C000_0000,
    }
}

fn store_count(flavour: Flavour, op: usize, count: usize) {
    if flavour.free_threaded {
        let immortal = count > 1;
        let flags = if immortal && flavour.minor >= 14 {
            4
        } else {
            0
        };
        store(
            op + 8,
            if immortal {
                0xFFFF_FFFF << 32 | flags
            } else {
                0
            },
        );
        store(op + 16, if immortal { 0 } else { count << 2 | 3 });
    } else {
        store(op + flavour.words()[0].0, count);
    }
}

/// The `tp_dealloc` of a kind records the death and releases the slots.
extern "C" fn end(op: usize) {
    let side = Side::current();
    side.say(Event::Died(side.id(op).expect("an object of ours dies")));
}

extern "C" fn end_phoenix(op: usize) {
    if dies(op) {
        end(op);
    }
}

/// Calls an object's finalizer; whether the object dies.
fn dies(op: usize) -> bool {
    let side = Side::current();
    let dies = side.call(Symbol::PyObject_CallFinalizerFromDealloc, &[op]) as i32 == 0;
    if !dies && side.tells_resurrection.load(Relaxed) {
        side.events().pop_if(
            |last| matches!(last, Event::Traced(_, CREATE, id) if Some(*id) == side.id(op)),
        );
    }
    dies
}

extern "C" fn end_of_heap_type(op: usize) {
    let side = Side::current();
    let ob_type = side.type_of(op);
    end(op);
    side.call(Symbol::Py_DecRef, &[ob_type]);
}

extern "C" fn end_box(op: usize) {
    end_container(op, |_| true);
}

/// In the order of CPython's `subtype_dealloc`: the object is tracked while its finalizer runs.
extern "C" fn end_phoenix_box(op: usize) {
    end_container(op, |side| {
        side.track(op);
        let dies = dies(op);
        if dies {
            side.untrack(op);
        }
        dies
    });
}

fn end_container(op: usize, dies: impl FnOnce(&'static Side) -> bool) {
    let side = Side::current();
    side.untrack(op);
    if !side.trash_begin(op) {
        return side.say(Event::Aside(
            side.id(op).expect("an object of ours is put aside"),
        ));
    }
    if dies(side) {
        end(op);
        (0..SLOTS).for_each(|slot| empty(side, op, slot));
    }
    side.trash_end();
}

/// `Py_CLEAR` of a slot.
pub(crate) fn empty(side: &Side, op: usize, slot: usize) {
    let at = side.slot_word(op, slot);
    let held = word(at);
    store(at, 0);
    if held != 0 {
        side.call(Symbol::Py_DecRef, &[held]);
    }
}

extern "C" fn traverse(op: usize, visit: usize, arg: usize) -> i32 {
    let side = Side::current();
    let held = (0..SLOTS)
        .map(|slot| word(side.slot_word(op, slot)))
        .filter(|held| *held != 0);
    held.map(|held| call(visit, [held, arg, 0, 0]) as i32)
        .find(|answer| *answer != 0)
        .unwrap_or(0)
}

extern "C" fn finalize_phoenix(op: usize) {
    let side = Side::current();
    let id = side.id(op).expect("an object of ours is finalized");
    side.say(Event::Finalized(id));
    let script = word(side.script_word(op));
    if script & EMPTIES != 0 && side.type_of(op) == side.types[Kind::PhoenixBox as usize] {
        side.say(Event::Emptied(id));
        empty(side, op, 0);
    }
    if script & RESURRECTIONS != 0 {
        store(side.script_word(op), script - 1);
        side.call(Symbol::Py_IncRef, &[op]);
        side.say(Event::Resurrected(id));
    }
}

/// The tracers of `PyRefTracer_SetTracer`.
pub(crate) const TRACERS: [extern "C" fn(usize, i32, usize) -> i32; 2] =
    [first_tracer, second_tracer];

extern "C" fn first_tracer(op: usize, event: i32, _data: usize) -> i32 {
    trace(1, op, event)
}

extern "C" fn second_tracer(op: usize, event: i32, _data: usize) -> i32 {
    trace(2, op, event)
}

fn trace(which: usize, op: usize, event: i32) -> i32 {
    let side = Side::current();
    if op == 0 {
        side.say(Event::TracedNone(which, event));
    } else if let Some(id) = side.id(op) {
        side.say(Event::Traced(which, event, id));
    }
    0
}
