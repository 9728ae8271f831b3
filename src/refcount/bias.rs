//! Biased counting, for one owner and any number of others.
//!
//! The owner counts in a word of its own, with plain instructions; everybody else counts in a shared word,
//! which may go below zero, because a reference may be taken by one side and given back by the other.
//! Neither word alone tells when the object dies, so the two are *merged* once: from then on `tid` is 0 and
//! only the shared word counts. The owner merges when its own count reaches zero. When another thread gives
//! back a reference that the shared word never saw, the object is *queued*: that reference is handed to the
//! owner, who merges when it comes by (see [`super::brc`]).
//!
//! The read-modify-write steps are sequentially consistent, as CPython's are: its own code, compiled into the
//! host and its extensions, works on the same words and was written against that order.

use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

use super::words::{Word, Words};
use super::{Released, Tried};

/// The owner's count of an immortal object: `_Py_IMMORTAL_REFCNT_LOCAL`.
pub const IMMORTAL: u32 = u32::MAX;

/// A count of one in the shared word, whose low two bits are flags: `_Py_REF_SHARED_SHIFT`.
pub const ONE: isize = 4;
/// The flags of the shared word: `_Py_REF_SHARED_FLAG_MASK`. Their states only move forward.
pub const FLAGS: isize = 3;
/// A thread may try to take a reference without owning one: `_Py_REF_MAYBE_WEAKREF`.
pub const MAYBE_WEAKREF: isize = 1;
/// The owner has been handed the object to merge: `_Py_REF_QUEUED`.
pub const QUEUED: isize = 2;
/// There is no owner any more: `_Py_REF_MERGED`.
pub const MERGED: isize = 3;

/// The thread that counts.
pub trait Me: Copy {
    /// Its id.
    fn id(self) -> usize;
    /// Whether that is its id.
    fn is(self, tid: usize) -> bool;
}

/// A thread of a model.
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
    // Relaxed: only the owner itself makes a thread id that equals the caller's go away.
    me.is(words.tid().load(Relaxed))
}

/// Adds a reference; false where the object is immortal. That is asked first, as CPython does: immortal objects are
/// counted as often as any.
#[inline]
pub fn acquire(words: &impl Words, me: impl Me) -> bool {
    if words.is_immortal() {
        return false;
    }
    if owns(words, me) {
        words.add_local();
    } else {
        // SeqCst: see above. The caller's own reference keeps the object alive meanwhile.
        words.shared().fetch_add(ONE, SeqCst);
    }
    true
}

/// Takes one of the owner's references away; [`Released::Foreign`], with nothing done, for everybody else.
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

/// What the owner does whose own count has reached zero: `_Py_MergeZeroLocalRefcount`.
#[inline]
pub fn merge_zero_local(words: &impl Words) -> Released {
    // Acquire: where the others' references are all given back, what they did with the object comes before
    // its death.
    let mut shared = words.shared().load(Acquire);
    if shared == 0 {
        return Released::Dead;
    }
    // Relaxed: published by the exchange below. It comes first, so that a thread that sees the merge sees no owner.
    words.tid().store(0, Relaxed);
    loop {
        let merged = (shared & !FLAGS) | MERGED;
        // SeqCst: see above; a release of what we did for whoever ends the object, and an acquire of what the
        // others did in case we do. Relaxed where it fails: the next try orders.
        match words
            .shared()
            .compare_exchange(shared, merged, SeqCst, Relaxed)
        {
            Ok(_) => return dead_if(merged == MERGED),
            Err(seen) => shared = seen,
        }
    }
}

/// What everybody but the owner does to give a reference back: `_Py_DecRefShared`. Where it says
/// [`Released::Owners`] nothing was done: the caller goes on with [`mark_queued`].
#[inline]
pub fn release_shared(words: &impl Words) -> Released {
    give_back(words, |_| false)
}

/// The same, as `Py_REF_DEBUG` does: [`Released::Negative`] where there was none.
#[inline]
pub fn release_shared_checked(words: &impl Words) -> Released {
    // Only a merged count is whole; one that is not may well be below zero.
    give_back(words, |after| after < 0 && after & FLAGS == MERGED)
}

/// Whether a reference that another thread gives back is one of the owner's: the shared word knows of none.
#[inline]
fn is_owners(shared: isize) -> bool {
    shared == 0 || shared == MAYBE_WEAKREF
}

#[inline]
fn give_back(words: &impl Words, is_negative: impl Fn(isize) -> bool) -> Released {
    // Relaxed: the exchange below sees whether this was out of date.
    let mut shared = words.shared().load(Relaxed);
    loop {
        if is_owners(shared) {
            return Released::Owners;
        }
        let after = shared.wrapping_sub(ONE);
        if is_negative(after) {
            return Released::Negative;
        }
        // SeqCst: see above; a release of what we did with the object, and an acquire of what all others did in
        // case we end it. Relaxed where it fails: the next try orders.
        match words
            .shared()
            .compare_exchange(shared, after, SeqCst, Relaxed)
        {
            Ok(_) => return dead_if(after == MERGED),
            Err(seen) => shared = seen,
        }
    }
}

/// Marks an object whose owner is to be handed a reference, which is the caller's to do then: only one thread is told
/// so. False, with nothing done, where the reference is not the owner's any more: it is to be given back anew.
pub fn mark_queued(words: &impl Words) -> bool {
    // Relaxed: as in `give_back`.
    let shared = words.shared().load(Relaxed);
    // SeqCst: see above; a release of what we did with the object. Relaxed where it fails: nothing was done.
    is_owners(shared)
        && words
            .shared()
            .compare_exchange(shared, QUEUED, SeqCst, Relaxed)
            .is_ok()
}

/// Merges whatever the counts are, adds `extra` to the sum and returns it: `_Py_ExplicitMergeRefcount`. Called by
/// the owner, or once the owner is gone and its last writes have been synchronised with.
pub fn explicit_merge(words: &impl Words, extra: isize) -> isize {
    // Relaxed, all three: no other thread writes these words, says the caller; the exchange below publishes them.
    let local = words.local().load(Relaxed);
    if local == IMMORTAL {
        // Made so while it waited for its owner.
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
        // The owner's own count is above zero as long as it is the owner.
        words.add_local();
        return Tried::Acquired;
    }
    // Relaxed: the exchange below sees whether this was out of date.
    let mut shared = words.shared().load(Relaxed);
    loop {
        // Without flags the owner may be ending the object without a look at this word again.
        if shared == 0 || shared == MERGED {
            return Tried::Dying;
        }
        // SeqCst: see above; an acquire of what was done to the object before another thread released it. Relaxed
        // where it fails: the next try orders.
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
    // Relaxed: the exchange below sees whether this was out of date.
    let mut shared = words.shared().load(Relaxed);
    while shared & FLAGS == 0 {
        // SeqCst: see above. Relaxed where it fails: the next try orders.
        match words
            .shared()
            .compare_exchange(shared, shared | MAYBE_WEAKREF, SeqCst, Relaxed)
        {
            Ok(_) => return,
            Err(seen) => shared = seen,
        }
    }
}

/// Takes the reference back that a finalizer ran with, which was [`revive`]d, where it is the only one: false, with
/// nothing done, where it is not.
pub fn let_go_alone(words: &impl Words, me: impl Me) -> bool {
    let alone = is_unique(words, me);
    if alone {
        // Relaxed: no other thread has a reference.
        words.local().store(0, Relaxed);
    }
    alone
}

/// The same where others have references too. The owner gives the object up.
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

/// Gives an object without references one, which is the caller's, who becomes the owner.
pub fn revive(words: &impl Words, me: impl Me) {
    // Relaxed, all three: without references no other thread has the object.
    words.tid().store(me.id(), Relaxed);
    words.local().store(1, Relaxed);
    words.shared().store(0, Relaxed);
}

/// The number of references where no other thread counts meanwhile; `None` where the object is immortal.
#[inline]
pub fn get(words: &impl Words) -> Option<isize> {
    // Relaxed, both: while others count, any answer is out of date at once.
    let local = words.local().load(Relaxed);
    let shared = words.shared().load(Relaxed);
    (local != IMMORTAL).then(|| local as isize + (shared >> 2))
}

/// Whether `me` owns the one reference: `_PyObject_IsUniquelyReferenced`.
#[inline]
pub fn is_unique(words: &impl Words, me: impl Me) -> bool {
    // Relaxed: the owner wrote it itself. Acquire: what others did before they gave their references back comes
    // before what the caller does with an object that it has to itself.
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
