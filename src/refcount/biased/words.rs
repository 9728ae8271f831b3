//! Atomic words, and the three words of a biased count.

#[cfg(all(assembly, target_arch = "x86_64"))]
use std::mem::offset_of;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicIsize, AtomicU32, AtomicUsize, Ordering};

use crate::abi::BiasedCount;

/// An atomic word: a real one, or the model checker's.
pub trait Word<T> {
    /// Reads the word.
    fn load(&self, order: Ordering) -> T;
    /// Writes the word.
    fn store(&self, value: T, order: Ordering);
    /// Adds to the word, and returns its old value.
    fn fetch_add(&self, amount: T, order: Ordering) -> T;
    /// Writes `new` if the word is `old`. Returns the old value: `Ok` if it was written, `Err` if not.
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

/// The owner's count of an immortal object: `_Py_IMMORTAL_REFCNT_LOCAL`.
pub const IMMORTAL: u32 = u32::MAX;

/// The three words of a biased count.
pub trait Words {
    /// The owner's thread id; 0: there is no owner.
    fn tid(&self) -> &impl Word<usize>;
    /// The references that the owner counted.
    fn local(&self) -> &impl Word<u32>;
    /// The references that other threads counted, times four, and two flags in the low bits.
    fn shared(&self) -> &impl Word<isize>;

    /// Whether the local word marks the object as immortal.
    #[inline]
    fn is_immortal(&self) -> bool {
        // Relaxed: the mark was written before other threads got the object, or it makes no difference to miss it.
        self.local().load(Relaxed) == IMMORTAL
    }

    /// Adds a reference to the local word.
    #[inline]
    fn add_local(&self) {
        // Relaxed: no other thread writes this word. A thread that merges after the owner's end takes a lock first.
        let local = self.local().load(Relaxed);
        self.local().store(local.wrapping_add(1), Relaxed);
    }

    /// Takes a reference from the local word; true where the local word is zero then.
    #[inline]
    fn take_local(&self) -> bool {
        // Relaxed: as in `add_local`.
        let left = self.local().load(Relaxed).wrapping_sub(1);
        self.local().store(left, Relaxed);
        left == 0
    }
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

    /// One instruction changes memory. The compiler makes three, and a pair of `Py_IncRef` and `Py_DecRef` takes longer.
    #[cfg(all(assembly, target_arch = "x86_64"))]
    #[inline]
    fn take_local(&self) -> bool {
        // SAFETY: an atomic word may be written through a shared reference. The instruction is a relaxed load and a
        // relaxed store.
        unsafe {
            std::arch::asm!(
                "dec dword ptr [{words} + {local}]",
                "je {last}",
                words = in(reg) self,
                local = const offset_of!(Self, ob_ref_local),
                last = label { return true },
                options(nostack),
            );
        }
        false
    }
}
