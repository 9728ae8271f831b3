use std::cell::UnsafeCell;

/// A function that is chosen while callers take turns, and then called by a jump through memory: one instruction,
/// where a look at what to do takes two.
#[derive(Debug)]
pub struct Chosen<F>(UnsafeCell<F>);

// SAFETY: written only while callers take turns: under the host's lock, before there is a second thread, or as the
// header asks.
unsafe impl<F> Sync for Chosen<F> {}

impl<F: Copy> Chosen<F> {
    /// With a function to begin with.
    pub const fn new(function: F) -> Self {
        Self(UnsafeCell::new(function))
    }

    /// The function that was chosen last.
    #[inline]
    pub fn get(&self) -> F {
        // SAFETY: no other thread writes meanwhile: `set` demands it.
        unsafe { *self.0.get() }
    }

    /// Chooses another.
    ///
    /// # Safety
    /// No other thread reads or writes meanwhile.
    pub unsafe fn set(&self, function: F) {
        // SAFETY: the caller's promise.
        unsafe { *self.0.get() = function }
    }

    /// Chooses the host's function where it has one.
    ///
    /// # Safety
    /// As [`Chosen::set`].
    pub unsafe fn follow(&self, theirs: Option<F>) {
        if let Some(theirs) = theirs {
            // SAFETY: the caller's promise is the callee's.
            unsafe { self.set(theirs) }
        }
    }
}
