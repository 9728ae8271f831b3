//! Atomic words, the three of a biased count among them.

use std::sync::atomic::{AtomicIsize, AtomicU32, AtomicUsize, Ordering};

use crate::abi::BiasedCount;

/// An atomic word: the machine's, or a model checker's that stands for it.
pub trait Word<T> {
    /// Reads it.
    fn load(&self, order: Ordering) -> T;
    /// Writes it.
    fn store(&self, value: T, order: Ordering);
    /// Adds, and returns what it was before.
    fn fetch_add(&self, amount: T, order: Ordering) -> T;
    /// Writes `new` where it is `old`, and returns what it was: in `Err`, where that was something else.
    fn compare_exchange(&self, old: T, new: T, order: Ordering, failure: Ordering) -> Result<T, T>;
}

macro_rules! word {
    ($($atomic:ty: $value:ty)*) => {
        $(impl Word<$value> for $atomic {
            #[inline]
            fn load(&self, order: Ordering) -> $value {
                <$atomic>::load(self, order)
            }

            #[inline]
            fn store(&self, value: $value, order: Ordering) {
                <$atomic>::store(self, value, order);
            }

            #[inline]
            fn fetch_add(&self, amount: $value, order: Ordering) -> $value {
                <$atomic>::fetch_add(self, amount, order)
            }

            #[inline]
            fn compare_exchange(
                &self,
                old: $value,
                new: $value,
                order: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                <$atomic>::compare_exchange(self, old, new, order, failure)
            }
        })*
    };
}

word!(AtomicUsize: usize AtomicU32: u32 AtomicIsize: isize);
#[cfg(test)]
word!(loom::sync::atomic::AtomicUsize: usize loom::sync::atomic::AtomicU32: u32
    loom::sync::atomic::AtomicIsize: isize);

/// The three words of a biased count.
pub trait Words {
    /// The owner's thread id; 0: nobody's.
    fn tid(&self) -> &impl Word<usize>;
    /// The owner's references.
    fn local(&self) -> &impl Word<u32>;
    /// The others' references, and two flags.
    fn shared(&self) -> &impl Word<isize>;
}

impl Words for BiasedCount {
    #[inline]
    fn tid(&self) -> &impl Word<usize> {
        &self.ob_tid
    }

    #[inline]
    fn local(&self) -> &impl Word<u32> {
        &self.ob_ref_local
    }

    #[inline]
    fn shared(&self) -> &impl Word<isize> {
        &self.ob_ref_shared
    }
}
