//! Runs each step on both sides, on the thread whose turn it is.

use std::cell::Cell;

use super::{Difference, Twins};
use crate::library::Symbol;
use crate::side::Side;

impl Twins {
    pub(super) fn tell(&self, text: impl FnOnce() -> String) {
        if self.telling {
            println!("    {}", text());
        }
    }

    /// Runs `act` on both sides; the answers must be equal.
    pub(super) fn both<A: PartialEq + std::fmt::Debug>(
        &self,
        what: &str,
        act: impl Fn(&'static Side) -> A,
    ) -> Result<A, Difference> {
        let answers = || {
            self.sides.map(|side| {
                side.enter();
                act(side)
            })
        };
        let [ours, theirs] = match &self.other {
            Some(other) if self.elsewhere => {
                let told = Cell::new(None);
                other.run(&|| told.set(Some(answers())));
                told.take().expect("the other thread answers")
            }
            _ => answers(),
        };
        if ours == theirs {
            Ok(ours)
        } else {
            Err(format!("{what} answers {ours:?}, CPython's {theirs:?}"))
        }
    }

    pub(super) fn end_other_thread(&mut self) {
        self.elsewhere = false;
        if let Some(other) = self.other.take() {
            self.tell(|| "the other thread ends, the first one goes on:".into());
            drop(other);
        }
    }

    /// Merges the thread's queue. CPython does so between bytecodes.
    pub(super) fn merge(&self) -> Result<(), Difference> {
        self.tell(|| "the thread merges what waits for it".into());
        self.both("the merge", |side| {
            if side.is_real {
                side.run_nothing();
            } else {
                side.call(Symbol::pyrefcore_merge_queued, &[]);
            }
        })
    }
}
