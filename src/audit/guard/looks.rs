//! The looks at all objects before, between and after the windows of the check that runs now.

use std::ffi::CStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::guarded::Guarded;
use crate::host::reserve;

/// The error if there is no memory for a look.
const NO_MEMORY: &CStr = c"there is no memory to hold the live objects";

/// The looks of one check.
#[derive(Debug)]
pub struct Looks {
    guarded: Option<Guarded>,
    /// The objects that the first run has left are pinned.
    has_young: bool,
    /// The bytes by which the C heap may grow in a quiet window.
    pub growth: usize,
    /// Why there was no look the last time that there was none.
    pub why_not: Option<&'static CStr>,
}

// SAFETY: the addresses in it are followed only while the host's lock is held.
unsafe impl Send for Looks {}

static LOOKS: Mutex<Looks> = Mutex::new(Looks {
    guarded: None,
    has_young: false,
    growth: 0,
    why_not: None,
});

/// The looks of the check that runs now. Other threads wait. A fork then copies no lock that is taken.
pub fn looks() -> MutexGuard<'static, Looks> {
    LOOKS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Looks {
    /// Looks once more; returns whether nothing has changed. The first look pins all objects, the second those that
    /// were born since; both return false.
    ///
    /// # Safety
    /// The host's lock is held: no other thread ends objects or counts meanwhile.
    pub unsafe fn look(&mut self) -> Result<bool, &'static CStr> {
        let growth = self.growth;
        // SAFETY: the host's lock is held. `begin` is called once for each new `Guarded`, and `has_young` lets
        // `hold_young` run once.
        let found = unsafe {
            if let Some(guarded) = &mut self.guarded {
                let is_second = !std::mem::replace(&mut self.has_young, true);
                reserve::within(|| {
                    if is_second {
                        guarded.hold_young().map(|()| false)
                    } else {
                        guarded.is_unchanged(growth)
                    }
                })
            } else {
                let mut guarded = Guarded::new();
                let begun = reserve::within(|| guarded.begin());
                if begun.is_some() {
                    (self.guarded, self.has_young) = (Some(guarded), false);
                } else {
                    guarded.let_go();
                }
                begun.map(|()| false)
            }
        };
        found.ok_or(NO_MEMORY)
    }

    /// The number of objects that were pinned after the second look.
    #[must_use]
    pub fn held(&self) -> usize {
        self.guarded.as_ref().map_or(0, |guarded| guarded.held)
    }

    /// The bytes in use in the C heap at the last look; `None` if they can't be measured.
    #[must_use]
    pub fn c_heap(&self) -> Option<isize> {
        self.guarded.as_ref().and_then(Guarded::c_heap)
    }

    /// The number of pinned objects that had no other reference at the last look.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.guarded.as_ref().map_or(0, |guarded| guarded.lost)
    }
}

/// Ends the looks, and removes their pins.
///
/// # Safety
/// The host's lock is held.
pub unsafe fn end() {
    // An object that dies may run code, which may ask for the looks.
    let guarded = looks().guarded.take();
    if let Some(guarded) = guarded {
        // SAFETY: the caller's promise is the callee's.
        unsafe { guarded.let_go() }
    }
}
