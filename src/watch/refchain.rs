//! All objects, from 3.13 on: a table beside them (`Py_TRACE_REFS`).

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use crate::abi::PyObject;

/// A table of objects, by address.
#[derive(Debug, Default)]
pub struct Refchain(Mutex<HashSet<usize>>);

/// All objects of the process.
pub static ALL: LazyLock<Refchain> = LazyLock::new(Refchain::default);

impl Refchain {
    /// Adds an object, unless it is already there.
    pub fn add(&self, op: *mut PyObject) {
        self.lock().insert(op as usize);
    }

    /// Removes an object; false if it was not there.
    pub fn forget(&self, op: *mut PyObject) -> bool {
        self.lock().remove(&(op as usize))
    }

    /// Calls `visit` with each object, in no order, until it returns false. Objects may be born and die meanwhile.
    /// Neither the new ones nor the dead ones are visited.
    pub fn visit(&self, mut visit: impl FnMut(*mut PyObject) -> bool) {
        let snapshot: Vec<usize> = self.lock().iter().copied().collect();
        for address in snapshot {
            let still_there = self.lock().contains(&address);
            if still_there && !visit(address as *mut PyObject) {
                return;
            }
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HashSet<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_survives_births_and_deaths() {
        let all = Refchain::default();
        let ops: Vec<_> = (1..=3_usize)
            .map(|n| (n * 0x1000) as *mut PyObject)
            .collect();
        ops.iter().for_each(|&op| all.add(op));
        all.add(ops[0]);
        let mut seen = 0;
        all.visit(|op| {
            assert!(ops.contains(&op), "only what was there before");
            seen += 1;
            all.add(0x9000 as *mut PyObject);
            ops.iter()
                .filter(|&&other| other != op)
                .for_each(|&other| _ = all.forget(other));
            true
        });
        assert_eq!(seen, 1);
        assert!(all.forget(0x9000 as *mut PyObject) && !all.forget(0x9000 as *mut PyObject));
    }
}
