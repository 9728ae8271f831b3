//! The C call stack of each birth, while that is switched on.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::stacks::{self, StackId};
use crate::abi::PyObject;

static BORN: LazyLock<Mutex<HashMap<usize, StackId>>> = LazyLock::new(Mutex::default);

/// Frames kept of each birth.
pub const FRAMES: usize = 16;

/// An object was born here.
pub fn born(op: *mut PyObject) {
    let stack = stacks::capture(FRAMES);
    BORN.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(op as usize, stack);
}

/// An object died.
pub fn died(op: *mut PyObject) {
    BORN.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&(op as usize));
}

/// Where an object was born, if that was seen.
#[must_use]
pub fn of(op: *mut PyObject) -> Option<StackId> {
    BORN.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&(op as usize))
        .copied()
}
