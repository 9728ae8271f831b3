//! Biased counting: one thread owns the object, any number of other threads use it.
//!
//! The owner counts in the local word, with plain instructions. Every other thread counts in the shared word. One side
//! may take a reference and the other side give it back, so the shared word may go below zero. Neither word alone tells
//! when the object dies. So the two are *merged* once. From then on `tid` is 0, and only the shared word counts.
//!
//! The owner merges when the local word reaches zero. When another thread gives back a reference that the shared word
//! never counted, it *queues* the object: it hands that reference to the owner, which merges later (see
//! [`super::merge_queue`]).
//!
//! The read-modify-write steps are sequentially consistent, as CPython's are. CPython's own code works on the same
//! words, in the host and in its extensions, and was written for that order. "SeqCst: CPython's order" below means
//! this.

use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

use super::words::{IMMORTAL, Word, Words};
use crate::refcount::{Released, Tried};

/// A count of one in the shared word, whose low two bits are flags: `_Py_REF_SHARED_SHIFT`.
pub const ONE: isize = 4;
/// The flags of the shared word: `_Py_REF_SHARED_FLAG_MASK`. Their states only move forward.
pub const FLAGS: isize = 3;
/// A thread may try to take a reference without owning one: `_Py_REF_MAYBE_WEAKREF`.
pub const MAYBE_WEAKREF: isize = 1;
/// The object was queued for its owner to merge: `_Py_REF_QUEUED`.
pub const QUEUED: isize = 2;
/// The counts were merged, and there is no owner any more: `_Py_REF_MERGED`.
pub const MERGED: isize = 3;

/// The thread that counts.
pub trait Me: Copy {
    /// The thread's id.
    fn id(self) -> usize;
    /// Whether `tid` is the thread's id.
    fn is(self, tid: usize) -> bool;
}

/// A thread in a model checker's run.
impl Me for usize {
    #[inline]
    fn id(self) -> usize {
        self
    }

    #[inline]
    fn is(self, tid: usize) -> bool {
        self == tid
    }
}

/// Whether `me` is the owner.
#[inline]
pub fn owns(words: &impl Words, me: impl Me) -> bool {
    // Relaxed: where `tid` is the caller's id, only the caller can change it.
    me.is(words.tid().load(Relaxed))
}

/// Adds a reference; false where the object is immortal. As in CPython, that test comes first: programs count immortal
/// objects as often as others.
#[inline]
pub fn acquire(words: &impl Words, me: impl Me) -> bool {
    if words.is_immortal() {
        return false;
    }
    if owns(words, me) {
        words.add_local();
    } else {
        // SeqCst: CPython's order. The caller's own reference keeps the object alive meanwhile.
        words.shared().fetch_add(ONE, SeqCst);
    }
    true
}

/// Gives back a reference on the owner's thread. On any other thread it does nothing and returns [`Released::Foreign`].
#[inline]
pub fn release(words: &impl Words, me: impl Me) -> Released {
    if words.is_immortal() {
        Released::Immortal
    } else if !owns(words, me) {
        Released::Foreign
    } else if words.take_local() {
        merge_zero_local(words)
    } else {
        Released::Alive
    }
}

/// Merges when the local word has reached zero: `_Py_MergeZeroLocalRefcount`. Called by the owner.
#[inline]
pub fn merge_zero_local(words: &impl Words) -> Released {
    // Acquire: if other threads have given back all their references, their uses of the object happen before its death.
    let mut shared = words.shared().load(Acquire);
    if shared == 0 {
        return Released::Dead;
    }
    // Relaxed: the exchange below publishes it. A thread that sees the merge then also sees that there is no owner.
    words.tid().store(0, Relaxed);
    loop {
        let merged = (shared & !FLAGS) | MERGED;
        // SeqCst: CPython's order. It releases this thread's uses of the object to the thread that ends it. It
        // acquires the other threads' uses, in case this thread ends it. Relaxed on failure: the next try orders.
        match words
            .shared()
            .compare_exchange(shared, merged, SeqCst, Relaxed)
        {
            Ok(_) => return dead_if(merged == MERGED),
            Err(seen) => shared = seen,
        }
    }
}

/// Gives back a reference on a thread that is not the owner: `_Py_DecRefShared`. Where it returns [`Released::Owners`]
/// it has done nothing, and the caller calls [`mark_queued`] next.
#[inline]
pub fn release_shared(words: &impl Words) -> Released {
    give_back(words, |_| false)
}

/// As [`release_shared`], with the check of `Py_REF_DEBUG`: [`Released::Negative`] where there was no reference.
#[inline]
pub fn release_shared_checked(words: &impl Words) -> Released {
    // Only a merged shared word is the whole count. Before the merge it may be below zero.
    give_back(words, |after| after < 0 && after & FLAGS == MERGED)
}

/// Whether the reference that another thread gives back was counted by the owner, because the shared word has none.
#[inline]
fn is_owners(shared: isize) -> bool {
    shared == 0 || shared == MAYBE_WEAKREF
}

#[inline]
fn give_back(words: &impl Words, is_negative: impl Fn(isize) -> bool) -> Released {
    // Relaxed: the exchange below fails where this value is out of date.
    let mut shared = words.shared().load(Relaxed);
    loop {
        if is_owners(shared) {
            return Released::Owners;
        }
        let after = shared.wrapping_sub(ONE);
        if is_negative(after) {
            return Released::Negative;
        }
        // SeqCst: CPython's order. It releases this thread's uses of the object, and acquires all other threads' uses
        // in case this thread ends it. Relaxed on failure: the next try orders.
        match words
            .shared()
            .compare_exchange(shared, after, SeqCst, Relaxed)
        {
            Ok(_) => return dead_if(after == MERGED),
            Err(seen) => shared = seen,
        }
    }
}

/// Marks an object as queued. It returns true to one thread only, which must then hand its reference to the owner.
/// Where it returns false it has done nothing: the shared word has changed, and the caller must give its reference back
/// anew.
pub fn mark_queued(words: &impl Words) -> bool {
    // Relaxed: as in `give_back`.
    let shared = words.shared().load(Relaxed);
    // SeqCst: CPython's order. It releases this thread's uses of the object. Relaxed on failure: nothing was done.
    is_owners(shared)
        && words
            .shared()
            .compare_exchange(shared, QUEUED, SeqCst, Relaxed)
            .is_ok()
}

/// Merges counts of any value, adds `extra` to the sum, and returns the sum: `_Py_ExplicitMergeRefcount`. Called by the
/// owner, or after the owner has ended and the caller has synchronised with its last writes.
pub fn explicit_merge(words: &impl Words, extra: isize) -> isize {
    // Relaxed, all: no other thread writes `tid` and `local` meanwhile. The exchange below publishes them, and fails
    // where `shared` is out of date.
    let local = words.local().load(Relaxed);
    if local == IMMORTAL {
        // It became immortal while it waited for its owner.
        return isize::MAX;
    }
    words.local().store(0, Relaxed);
    words.tid().store(0, Relaxed);
    let mut shared = words.shared().load(Relaxed);
    loop {
        let sum = (shared >> 2) + local as isize + extra;
        // SeqCst and Relaxed: as in `merge_zero_local`.
        match words
            .shared()
            .compare_exchange(shared, (sum << 2) | MERGED, SeqCst, Relaxed)
        {
            Ok(_) => return sum,
            Err(seen) => shared = seen,
        }
    }
}

/// Adds a reference to an object of which the caller owns none, unless it is dying: `_Py_TryIncref`.
#[inline]
pub fn try_acquire(words: &impl Words, me: impl Me) -> Tried {
    if words.is_immortal() {
        return Tried::Immortal;
    }
    if owns(words, me) {
        // Until the object dies, the local word of an object with an owner is above zero. CPython does not check it
        // either.
        words.add_local();
        return Tried::Acquired;
    }
    // Relaxed: the exchange below fails where this value is out of date.
    let mut shared = words.shared().load(Relaxed);
    loop {
        // At 0, without flags, the owner may already be ending the object, and does not read this word again.
        if shared == 0 || shared == MERGED {
            return Tried::Dying;
        }
        // SeqCst: CPython's order. It acquires the uses of the object by threads that gave references back before.
        // Relaxed on failure: the next try orders.
        match words
            .shared()
            .compare_exchange(shared, shared + ONE, SeqCst, Relaxed)
        {
            Ok(_) => return Tried::Acquired,
            Err(seen) => shared = seen,
        }
    }
}

/// Allows [`try_acquire`] for threads that own no reference: `_PyObject_SetMaybeWeakref`.
pub fn enable_try(words: &impl Words) {
    if words.is_immortal() {
        return;
    }
    // Relaxed: the exchange below fails where this value is out of date.
    let mut shared = words.shared().load(Relaxed);
    while shared & FLAGS == 0 {
        // SeqCst: CPython's order. Relaxed on failure: the next try orders.
        match words
            .shared()
            .compare_exchange(shared, shared | MAYBE_WEAKREF, SeqCst, Relaxed)
        {
            Ok(_) => return,
            Err(seen) => shared = seen,
        }
    }
}

/// Takes back the reference from [`revive`], after the finalizer has run, where it is the only one. Otherwise it does
/// nothing and returns false.
pub fn let_go_alone(words: &impl Words, me: impl Me) -> bool {
    let alone = is_unique(words, me);
    if alone {
        // Relaxed: no other thread has a reference.
        words.local().store(0, Relaxed);
    }
    alone
}

/// Takes back the reference from [`revive`] where there are more. If `me` is the owner, it merges and owns it no
/// longer.
pub fn let_go(words: &impl Words, me: impl Me) -> Released {
    // Relaxed: as in `explicit_merge`.
    if words.local().load(Relaxed) == IMMORTAL {
        Released::Immortal
    } else if owns(words, me) {
        dead_if(explicit_merge(words, -1) == 0)
    } else {
        release_shared(words)
    }
}

/// Gives an object without references one reference. The caller owns that reference and becomes the object's owner.
pub fn revive(words: &impl Words, me: impl Me) {
    // Relaxed, all three: without references, no other thread uses the object.
    words.tid().store(me.id(), Relaxed);
    words.local().store(1, Relaxed);
    words.shared().store(0, Relaxed);
}

/// The number of references, exact if no other thread counts meanwhile; `None` where the object is immortal.
#[inline]
pub fn get(words: &impl Words) -> Option<isize> {
    // Relaxed, both: while other threads count, any answer is out of date at once.
    let local = words.local().load(Relaxed);
    let shared = words.shared().load(Relaxed);
    (local != IMMORTAL).then(|| local as isize + (shared >> 2))
}

/// Whether there is one reference and `me` owns the object: `_PyObject_IsUniquelyReferenced`.
#[inline]
pub fn is_unique(words: &impl Words, me: impl Me) -> bool {
    // Relaxed: the owner itself wrote the local word. Acquire: other threads' uses of the object, before they gave
    // their references back, happen before the caller's next use.
    owns(words, me) && words.local().load(Relaxed) == 1 && words.shared().load(Acquire) == 0
}

#[inline]
fn dead_if(dead: bool) -> Released {
    if dead {
        Released::Dead
    } else {
        Released::Alive
    }
}
