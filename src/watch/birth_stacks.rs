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
    lock().insert(op as usize, stack);
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
