//! One of the two libraries with its half of the twins: their memory, their types and their events.

use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::flavour::Flavour;
use crate::kinds::{KINDS, Kind};
use crate::library::{Library, Symbol};
use crate::memory::{int, store, store_int, word, zeroes};

/// An event of an object, recorded by its type's functions or by a tracer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Its `tp_dealloc` ended it.
    Died(usize),
    /// The trashcan deferred its death.
    Aside(usize),
    /// Its `tp_finalize` ran.
    Finalized(usize),
    /// Its `tp_finalize` took a reference to it.
    Resurrected(usize),
    /// Its `tp_finalize` emptied its first slot.
    Emptied(usize),
    /// A tracer got an event of an object: the tracer, the event, the object.
    Traced(usize, i32, usize),
    /// A tracer got an event without an object.
    TracedNone(usize, i32),
}

/// The events of a tracer.
pub(crate) const CREATE: i32 = 0;
pub(crate) const DESTROY: i32 = 1;

/// The greatest number of objects at a time, the bytes of each, and how many of those are in front of the object.
pub(crate) const OBJECTS: usize = 1 << 15;
const BLOCK: usize = 160;
const FRONT: usize = 32;
/// The number of slots of a container.
pub(crate) const SLOTS: usize = 4;

#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) is_real: bool,
    pub(crate) library: Library,
    pub(crate) flavour: Flavour,
    pub(crate) types: [usize; KINDS],
    arena: usize,
    log: Mutex<Vec<Event>>,
    /// Whether `_Py_ResurrectReference` calls the tracer, as in 3.13.0 but not in later releases.
    pub(crate) tells_resurrection: AtomicBool,
    /// Whether the tracer gets the death of a container that the trashcan deferred: in 3.14.10 and 3.15.2 it does, in
    /// 3.14.7 and 3.15.0rc1 it does not.
    pub(crate) tells_aside: AtomicBool,
}

static CURRENT: AtomicPtr<Side> = AtomicPtr::new(std::ptr::null_mut());

impl Side {
    pub(crate) fn new(library: Library, flavour: Flavour, is_real: bool) -> &'static Self {
        let mut side = Self {
            name: if is_real { "CPython" } else { "pyrefcore" },
            is_real,
            library,
            flavour,
            types: [0; KINDS],
            arena: zeroes(OBJECTS * BLOCK),
            log: Mutex::default(),
            tells_resurrection: AtomicBool::new(false),
            tells_aside: AtomicBool::new(true),
        };
        side.types = Kind::ALL.map(|kind| kind.make_type(&side));
        Box::leak(Box::new(side))
    }

    /// From now on the types' functions work for this side.
    pub(crate) fn enter(&'static self) {
        CURRENT.store(std::ptr::from_ref(self).cast_mut(), Ordering::Relaxed);
    }

    /// The side that was entered last.
    pub(crate) fn current() -> &'static Self {
        // SAFETY: a side is leaked and never freed, and one is entered before any function of an object is called.
        unsafe { &*CURRENT.load(Ordering::Relaxed) }
    }

    /// The calling thread's thread state in CPython; 0 for our side, which needs none.
    pub(crate) fn thread_state(&self) -> usize {
        if self.is_real {
            self.call(Symbol::PyThreadState_Get, &[])
        } else {
            0
        }
    }

    pub(crate) fn call(&self, symbol: Symbol, words: &[usize]) -> usize {
        self.library.call(symbol, words)
    }

    pub(crate) fn has(&self, symbol: Symbol) -> bool {
        self.library.has(symbol)
    }

    /// Runs a trivial code object, so that CPython does its work between bytecodes.
    pub(crate) fn run_nothing(&self) {
        const EVALUATED: usize = 258;
        static CODE: OnceLock<[usize; 2]> = OnceLock::new();
        let [code, names] = *CODE.get_or_init(|| {
            let words = [
                c"0".as_ptr() as usize,
                c"nothing".as_ptr() as usize,
                EVALUATED,
            ];
            [
                self.call(Symbol::Py_CompileString, &words),
                self.call(Symbol::PyDict_New, &[]),
            ]
        });
        assert!(code != 0, "nothing can be compiled");
        let answer = self.call(Symbol::PyEval_EvalCode, &[code, names, names]);
        assert!(answer != 0, "nothing can be done");
        self.call(Symbol::Py_DecRef, &[answer]);
    }

    /// The recorded events that were not compared yet.
    pub(crate) fn events(&self) -> MutexGuard<'_, Vec<Event>> {
        self.log.lock().expect("no holder of it panics")
    }

    pub(crate) fn say(&self, event: Event) {
        self.events().push(event);
    }

    /// The address of the object with this number.
    pub(crate) fn object(&self, id: usize) -> usize {
        self.arena + id * BLOCK + FRONT
    }

    /// The number of an object, if it is one of the driver's.
    pub(crate) fn id(&self, op: usize) -> Option<usize> {
        (self.arena..self.arena + OBJECTS * BLOCK)
            .contains(&op)
            .then(|| (op - self.arena) / BLOCK)
    }

    pub(crate) fn type_of(&self, op: usize) -> usize {
        word(op + self.flavour.head() - 8)
    }

    pub(crate) fn set_type(&self, op: usize, ob_type: usize) {
        store(op + self.flavour.head() - 8, ob_type);
    }

    /// The address of `ob_size`. The driver's script and slots follow it.
    pub(crate) fn size_word(&self, op: usize) -> usize {
        op + self.flavour.head()
    }

    pub(crate) fn script_word(&self, op: usize) -> usize {
        op + self.flavour.head() + 8
    }

    pub(crate) fn slot_word(&self, op: usize, slot: usize) -> usize {
        op + self.flavour.head() + 16 + 8 * slot
    }

    /// Makes memory that looks reused: the count's words hold `stale`, the type and the script are set, the rest is
    /// zero.
    pub(crate) fn prepare(&self, op: usize, kind: Kind, stale: usize, script: usize) {
        for at in (op - FRONT..op - FRONT + BLOCK).step_by(8) {
            store(at, 0);
        }
        for &(offset, _) in self.flavour.words() {
            store(op + offset, stale);
        }
        self.set_type(op, self.types[kind as usize]);
        store(self.script_word(op), script);
    }

    /// Whether a container is tracked, and the collector's flags in its GC head.
    pub(crate) fn gc_state(&self, op: usize) -> (bool, usize) {
        if self.flavour.free_threaded {
            // The flags are in the words of the head, which are compared anyway.
            (word(op + 8) >> 24 & 1 != 0, 0)
        } else {
            (word(op - 16) != 0, word(op - 8) & 3)
        }
    }

    pub(crate) fn track(&self, op: usize) {
        let call = if self.is_real {
            Symbol::PyObject_GC_Track
        } else {
            Symbol::pyrefcore_gc_track
        };
        self.call(call, &[op]);
    }

    pub(crate) fn untrack(&self, op: usize) {
        let call = if self.is_real {
            Symbol::PyObject_GC_UnTrack
        } else {
            Symbol::pyrefcore_gc_untrack
        };
        self.call(call, &[op]);
    }

    /// Does what `Py_TRASHCAN_BEGIN` does: false if the trashcan deferred the object.
    pub(crate) fn trash_begin(&self, op: usize) -> bool {
        let state = self.thread_state();
        match self.flavour.minor {
            8 if self.is_real => {
                let nesting = int(state + NESTING_3_8);
                if nesting >= 50 {
                    self.call(Symbol::_PyTrash_thread_deposit_object, &[op]);
                    return false;
                }
                store_int(state + NESTING_3_8, nesting + 1);
                true
            }
            13 if self.is_real => {
                let left = int(state + RECURSION_3_13);
                if left <= 50 {
                    self.call(Symbol::_PyTrash_thread_deposit_object, &[state, op]);
                    return false;
                }
                store_int(state + RECURSION_3_13, left - 1);
                true
            }
            14.. => true,
            _ => self.call(Symbol::_PyTrash_begin, &[state, op]) as i32 == 0,
        }
    }

    /// Does what `Py_TRASHCAN_END` does.
    pub(crate) fn trash_end(&self) {
        let state = self.thread_state();
        match self.flavour.minor {
            8 if self.is_real => {
                let nesting = int(state + NESTING_3_8) - 1;
                store_int(state + NESTING_3_8, nesting);
                if nesting <= 0 && word(state + LATER_3_8) != 0 {
                    self.call(Symbol::_PyTrash_thread_destroy_chain, &[]);
                }
            }
            13 if self.is_real => {
                let left = int(state + RECURSION_3_13) + 1;
                store_int(state + RECURSION_3_13, left);
                if left > 100 && word(state + LATER_3_13) != 0 {
                    self.call(Symbol::_PyTrash_thread_destroy_chain, &[state]);
                }
            }
            14.. => {}
            _ => {
                self.call(Symbol::_PyTrash_end, &[state]);
            }
        }
    }
}

// Offsets of the thread state's fields that the trashcan macros of 3.8 and 3.13 use.
const NESTING_3_8: usize = 184;
const LATER_3_8: usize = 192;
const RECURSION_3_13: usize = 52;
const LATER_3_13: usize = 168;
