//! Atomic words, the three of a biased count among them.

#[cfg(target_arch = "x86_64")]
use std::mem::offset_of;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicIsize, AtomicU32, AtomicUsize, Ordering};

use super::bias::IMMORTAL;
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
    /// The owner's thread id; 0: there is no owner.
    fn tid(&self) -> &impl Word<usize>;
    /// The owner's references.
    fn local(&self) -> &impl Word<u32>;
    /// The others' references, and two flags.
    fn shared(&self) -> &impl Word<isize>;

    /// Whether the owner's word says that the object is immortal.
    #[inline]
    fn is_immortal(&self) -> bool {
        // Relaxed: it was said before others got to see the object, or makes no difference.
        self.local().load(Relaxed) == IMMORTAL
    }

    /// Gives the owner one reference more.
    #[inline]
    fn add_local(&self) {
        // Relaxed: no other thread writes this word; a merge on the owner's behalf takes a lock first.
        let local = self.local().load(Relaxed);
        self.local().store(local.wrapping_add(1), Relaxed);
    }

    /// Takes one of the owner's references away; true where that was the last.
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

    /// One comparison with memory, where the compiler loads an atomic word first.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn is_immortal(&self) -> bool {
        // SAFETY: what is done to the word is a relaxed load.
        unsafe {
            std::arch::asm!(
                "cmp dword ptr [{words} + {local}], {immortal}",
                "je {yes}",
                words = in(reg) self,
                local = const offset_of!(Self, ob_ref_local),
                immortal = const IMMORTAL as i32,
                yes = label { return true },
                options(nostack, readonly),
            );
        }
        false
    }

    /// One instruction that changes memory, where the compiler takes three.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn take_local(&self) -> bool {
        // SAFETY: an atomic word may be written through a shared reference, and what is done to it is a relaxed load
        // and a relaxed store.
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
