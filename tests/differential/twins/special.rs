//! Rare steps: moves, direct calls of the trashcan, tracers, tracemalloc.

use super::agreement::total;
use super::naming::name;
use super::{Difference, Twins};
use crate::kinds::{Kind, TRACERS};
use crate::library::Symbol;
use crate::memory::{store, word};
use crate::operation::Way;
use crate::side::Side;
use crate::{stack, strange};

impl Twins {
    pub(super) fn move_one(&mut self, id: usize) -> Result<(), Difference> {
        self.tell(|| format!("{} is moved", name(id)));
        self.both("the new birth", |side| {
            let op = side.object(id);
            let words = side.flavour.words();
            let before: Vec<usize> = words.iter().map(|(offset, _)| word(op + offset)).collect();
            if side.flavour.trace_refs {
                strange::store_count(side, op, 1);
                side.call(Symbol::_Py_ForgetReference, &[op]);
            }
            let no_total = side.flavour.minor >= 12;
            side.call(
                if no_total {
                    Symbol::_Py_NewReferenceNoTotal
                } else {
                    Symbol::_Py_NewReference
                },
                &[op],
            );
            let born: Vec<usize> = words.iter().map(|(offset, _)| word(op + offset)).collect();
            words
                .iter()
                .zip(before)
                .for_each(|((offset, _), word)| store(op + offset, word));
            born
        })?;
        Ok(())
    }

    pub(super) fn deposit(&mut self, count: u8) -> Result<(), Difference> {
        self.tell(|| format!("{count} dying containers, put aside and ended by hand"));
        for _ in 0..count {
            let id = self.birth(Kind::Box, Way::Init, 0, 0)?;
            self.twins[id].owned = 0;
            self.both("_PyTrash_thread_deposit_object", |side| {
                let op = side.object(id);
                strange::store_count(side, op, 0);
                if side.flavour.types_use_trashcan() {
                    side.untrack(op);
                }
                if side.flavour.trace_refs
                    && side.flavour.types_use_trashcan()
                    && side.has(Symbol::_Py_ForgetReference)
                {
                    side.call(Symbol::_Py_ForgetReference, &[op]);
                }
                let words = if side.flavour.minor >= 13 {
                    [side.thread_state(), op]
                } else {
                    [op, 0]
                };
                side.call(Symbol::_PyTrash_thread_deposit_object, &words);
            })?;
        }
        self.both("_PyTrash_thread_destroy_chain", |side| {
            side.call(
                Symbol::_PyTrash_thread_destroy_chain,
                &[side.thread_state()],
            );
        })
    }

    pub(super) fn low(&mut self, count: u8, depth: u8) -> Result<(), Difference> {
        self.tell(|| format!("{count} chains of {depth} containers, dropped where the stack ends; then one where there is room"));
        for n in 0..count {
            let id = self.nest(depth.into(), n, 0)?;
            self.twins[id].owned = 0;
            self.both("Py_DecRef", |side| {
                stack::near_its_end(&|| {
                    side.call(Symbol::Py_DecRef, &[side.object(id)]);
                });
            })?;
        }
        let id = self.birth(Kind::Box, Way::Init, 0, 0)?;
        self.drop_one(id)
    }

    pub(super) fn tracer(&mut self, which: usize) -> Result<(), Difference> {
        if self.tracing {
            return Ok(());
        }
        self.tell(|| format!("tracer {which} is set"));
        self.both("PyRefTracer_SetTracer", |side| {
            let tracer = which
                .checked_sub(1)
                .map_or(0, |n| TRACERS[n] as *const () as usize);
            side.call(Symbol::PyRefTracer_SetTracer, &[tracer, which]) as i32
        })?;
        self.both("PyRefTracer_GetTracer", |side| {
            let mut data = usize::MAX;
            let found = side.call(Symbol::PyRefTracer_GetTracer, &[(&raw mut data) as usize]);
            (
                found == 0,
                TRACERS
                    .iter()
                    .position(|tracer| *tracer as *const () as usize == found),
                data,
            )
        })?;
        Ok(())
    }

    /// From 3.13 on CPython's tracemalloc replaces the tracer, and ours does not. So no tracer is set during tracing.
    pub(super) fn tracing(&mut self, on: bool) -> Result<(), Difference> {
        if self.sides[0].has(Symbol::PyRefTracer_SetTracer) {
            self.tracer(0)?;
        }
        self.tracing = on;
        self.tell(|| format!("tracemalloc is {}", if on { "started" } else { "stopped" }));
        self.both("tracemalloc", |side| match (side.is_real, on) {
            (true, true) => run(side, c"import _tracemalloc; _tracemalloc.start(1)"),
            (true, false) => run(side, c"import _tracemalloc; _tracemalloc.stop()"),
            (false, true) => assert_eq!(side.call(Symbol::pyrefcore_trace_start, &[1]) as i32, 0),
            (false, false) => drop(side.call(Symbol::pyrefcore_trace_stop, &[])),
        })?;
        if self.sides[0].flavour.free_threaded {
            // CPython has run Python code, and so has merged its queue.
            self.merge()?;
        }
        self.totals = self.sides.map(total);
        Ok(())
    }
}

/// Runs a line of Python.
pub(super) fn run(side: &Side, text: &std::ffi::CStr) {
    let status = side.call(Symbol::PyRun_SimpleString, &[text.as_ptr() as usize]) as i32;
    assert_eq!(status, 0, "{text:?} fails");
}
