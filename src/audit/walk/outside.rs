//! The objects that lie in no block, as the last walk over all objects met them.
//!
//! Nothing lists such objects: static objects, and those whose memory did not pass the hook. A walk meets them through
//! the objects that hold them. So a look at all objects without a walk takes them from here.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::counted::counted;
use super::heap_walk::HeapWalk;
use super::types::PAIR;
use crate::abi::PyObject;
use crate::audit::heap::blocks;
use crate::audit::heap::memory::Memory;
use crate::audit::holds::TypeInfo;
use crate::host;
use crate::watch::live;

#[derive(Debug)]
struct Outside {
    /// The addresses of the objects. Some of the objects may have died since.
    objects: Vec<usize>,
    /// How often the loader had loaded a library by then.
    libraries: u64,
}

static OUTSIDE: Mutex<Option<Outside>> = Mutex::new(None);

/// Keeps other threads out of this file while the guard lives: a fork then copies no lock that is taken.
#[must_use]
pub fn lock() -> impl std::any::Any {
    outside()
}

fn outside() -> MutexGuard<'static, Option<Outside>> {
    OUTSIDE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stores the objects in no block that a walk has met.
pub(in crate::audit) fn remember(objects: Vec<usize>, memory: &Memory) {
    *outside() = Some(Outside {
        objects,
        libraries: memory.libraries(),
    });
}

/// The stored objects. `None` if no walk stored any, or if a library was loaded since: it may have static objects.
pub(in crate::audit) fn known(memory: &Memory) -> Option<Vec<*mut PyObject>> {
    let outside = outside();
    let known = outside
        .as_ref()
        .filter(|known| known.libraries == memory.libraries())?;
    let objects = known.objects.iter();
    Some(objects.map(|&place| place as *mut PyObject).collect())
}

impl HeapWalk {
    /// Stores the objects in no block that the walk has met and that are not immortal.
    ///
    /// # Safety
    /// No met object has died.
    pub(in crate::audit) unsafe fn remember_outside(&self) {
        let outside = self.seen.iter().filter(|seen| {
            // SAFETY: a met object is alive, as the caller promises.
            is_outside(seen.op, self.info(**seen)) && unsafe { counted(seen.op) }.is_some()
        });
        remember(outside.map(|seen| seen.op as usize).collect(), &self.memory);
    }
}

/// Whether an object lies in no block in use or, without a host, is not in the live table.
pub(in crate::audit) fn is_outside(op: *mut PyObject, info: &TypeInfo) -> bool {
    if host::has_interpreter() {
        let front = usize::from(info.pairs) * PAIR;
        blocks::room(op as usize - front).is_none()
    } else {
        live::state(op as usize) != live::State::Live
    }
}
