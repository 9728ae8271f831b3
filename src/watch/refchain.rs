//! All objects, from 3.13 on: a table beside them (`Py_TRACE_REFS`).

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use crate::abi::PyObject;

fn all() -> MutexGuard<'static, HashSet<usize>> {
    static ALL: LazyLock<Mutex<HashSet<usize>>> = LazyLock::new(Mutex::default);
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Enters an object. Nothing happens where it is there already.
pub fn add(op: *mut PyObject) {
    all().insert(op as usize);
}

/// Removes an object; false where it was not there.
pub fn forget(op: *mut PyObject) -> bool {
    all().remove(&(op as usize))
}

/// Whether an object is there.
#[must_use]
pub fn contains(op: *mut PyObject) -> bool {
    all().contains(&(op as usize))
}

/// Calls `visit` with each object, in no order, until it returns false. Objects may be born and die
/// meanwhile: the newly born are not visited, the dead are not either.
pub fn visit(mut visit: impl FnMut(*mut PyObject) -> bool) {
    let snapshot: Vec<usize> = all().iter().copied().collect();
    for address in snapshot {
        let op = address as *mut PyObject;
        if contains(op) && !visit(op) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_survives_births_and_deaths() {
        let ops: Vec<_> = (1..=3_usize)
            .map(|n| (n * 0x1000) as *mut PyObject)
            .collect();
        ops.iter().for_each(|&op| add(op));
        add(ops[0]);
        let mut seen = 0;
        visit(|op| {
            assert!(ops.contains(&op), "only what was there before");
            seen += 1;
            add(0x9000 as *mut PyObject);
            ops.iter()
                .filter(|&&other| other != op)
                .for_each(|&other| _ = forget(other));
            true
        });
        assert_eq!(seen, 1);
        assert!(forget(0x9000 as *mut PyObject) && !forget(0x9000 as *mut PyObject));
    }
}
