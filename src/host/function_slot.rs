//! A function pointer that is set rarely and called often.

use std::cell::UnsafeCell;

/// A function pointer that changes only while callers take turns. A call through it is one indirect jump; a test of a
/// flag first would be two instructions.
#[derive(Debug)]
pub struct FunctionSlot<F>(UnsafeCell<F>);

// SAFETY: any thread may use the value. It is written only while callers take turns: under the host's lock, before
// there is a second thread, or serialised by the caller as the header asks.
unsafe impl<F: Send + Sync> Sync for FunctionSlot<F> {}

impl<F: Copy> FunctionSlot<F> {
    /// Starts with `function`.
    pub const fn new(function: F) -> Self {
        Self(UnsafeCell::new(function))
    }

    /// The function chosen last.
    #[inline]
    pub fn get(&self) -> F {
        // SAFETY: no other thread writes meanwhile: `set` demands it.
        unsafe { *self.0.get() }
    }

    /// Chooses another function.
    ///
    /// # Safety
    /// No other thread reads or writes meanwhile.
    pub unsafe fn set(&self, function: F) {
        // SAFETY: the caller's promise: no other thread uses the cell meanwhile.
        unsafe { *self.0.get() = function }
    }

    /// Chooses the host's function, if the host has one.
    ///
    /// # Safety
    /// As [`FunctionSlot::set`].
    pub unsafe fn follow(&self, theirs: Option<F>) {
        if let Some(theirs) = theirs {
            // SAFETY: the caller's promise is the callee's.
            unsafe { self.set(theirs) }
        }
    }
}
