//! The C call stack of each birth, while that is switched on.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::stacks::{self, StackId};
use crate::abi::PyObject;

static BORN: LazyLock<Mutex<HashMap<usize, StackId>>> = LazyLock::new(Mutex::default);

/// Frames kept of each birth.
pub const FRAMES: usize = 16;

/// Forgets every birth.
pub fn clear() {
    lock().clear();
}

/// An object was born here.
pub fn born(op: *mut PyObject) {
    let stack = stacks::capture(FRAMES);
    let mut born = lock();
    // A birth for which there is no memory is not known.
    match stack.filter(|_| born.try_reserve(1).is_ok()) {
        Some(stack) => born.insert(op as usize, stack),
        None => born.remove(&(op as usize)),
    };
}

/// An object died.
pub fn died(op: *mut PyObject) {
    lock().remove(&(op as usize));
}

/// Where an object was born, if that was seen.
#[must_use]
pub fn of(op: *mut PyObject) -> Option<StackId> {
    lock().get(&(op as usize)).copied()
}

pub(super) fn lock() -> MutexGuard<'static, HashMap<usize, StackId>> {
    BORN.lock().unwrap_or_else(PoisonError::into_inner)
}
