//! Objects that wait for their owner to merge them: CPython's `Python/brc.c`.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Mutex, PoisonError};

use super::bias;
use super::words::{Word, Words};

/// CPython's `_Py_BRC_NUM_BUCKETS`: a prime, because thread ids have many factors in common.
pub const BUCKETS: usize = 257;

/// Something that only one thread looks at at a time.
pub trait Lock<T> {
    /// Calls `look` when it is this thread's turn.
    fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R;
}

impl<T> Lock<T> for Mutex<T> {
    fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        look(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
impl<T> Lock<T> for loom::sync::Mutex<T> {
    fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        look(&mut self.lock().expect("nobody panics in a model"))
    }
}

/// A thread that merges what it owns, and what waits for it.
#[derive(Debug)]
pub struct Owner<Item> {
    tid: usize,
    waiting: Vec<Item>,
}

/// Threads by their id, each with what waits for it.
#[derive(Debug)]
pub struct Brc<L, const N: usize = BUCKETS>([L; N]);

/// What became of a reference that was handed to an object's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handed {
    /// The owner merges when it comes by.
    Waits,
    /// The object was merged meanwhile; the reference is the caller's to release.
    Back,
    /// The owner is gone and the caller has merged in its place: references remain.
    Alive,
    /// The same, and that was the last reference: the object is to be ended.
    Dead,
}

impl<L, const N: usize> Brc<L, N> {
    /// Of as many buckets as are given.
    pub const fn new(buckets: [L; N]) -> Self {
        Self(buckets)
    }

    fn bucket(&self, tid: usize) -> &L {
        &self.0[tid % N]
    }

    /// All buckets, for the thread that forks.
    pub fn buckets(&self) -> &[L; N] {
        &self.0
    }

    /// Enters a thread, unless one with its id is there: one that left no trace when it ended. Called by itself.
    pub fn register<Item>(&self, tid: usize)
    where
        L: Lock<Vec<Owner<Item>>>,
    {
        self.bucket(tid).with(|owners| {
            if owners.iter().all(|owner| owner.tid != tid) {
                owners.push(Owner {
                    tid,
                    waiting: Vec::new(),
                });
            }
        });
    }

    /// Hands a reference to the owner of an object: `_Py_brc_queue_object`. The caller has set the mark
    /// [`bias::QUEUED`], so that only one thread does so.
    pub fn queue<Item>(&self, item: Item, words: &impl Words) -> Handed
    where
        L: Lock<Vec<Owner<Item>>>,
    {
        // SeqCst: CPython's order. A merge that is not seen yet does no harm: who merges again merges the same.
        let tid = words.tid().load(SeqCst);
        if tid == 0 {
            return Handed::Back;
        }
        self.bucket(tid).with(|owners| {
            if let Some(owner) = owners.iter_mut().find(|owner| owner.tid == tid) {
                owner.waiting.push(item);
                return Handed::Waits;
            }
            // The owner has left through this lock, so all its writes are seen; and no other thread comes here for the
            // same object.
            match bias::explicit_merge(words, -1) {
                0 => Handed::Dead,
                _ => Handed::Alive,
            }
        })
    }

    /// What waits for a thread. Called by itself.
    pub fn take<Item>(&self, tid: usize) -> Vec<Item>
    where
        L: Lock<Vec<Owner<Item>>>,
    {
        self.bucket(tid).with(|owners| {
            let owner = owners.iter_mut().find(|owner| owner.tid == tid);
            owner.map_or_else(Vec::new, |owner| std::mem::take(&mut owner.waiting))
        })
    }

    /// Takes a thread out that ends; false, with the thread still in, where something waits for it. Called by itself.
    pub fn leave<Item>(&self, tid: usize) -> bool
    where
        L: Lock<Vec<Owner<Item>>>,
    {
        self.bucket(tid).with(|owners| {
            let Some(place) = owners.iter().position(|owner| owner.tid == tid) else {
                return true;
            };
            let leaves = owners[place].waiting.is_empty();
            if leaves {
                owners.swap_remove(place);
            }
            leaves
        })
    }

    /// Takes every thread but one out and gives that one what waited for them: they did not survive a fork. Called by
    /// the one, which is registered.
    pub fn inherit<Item>(&self, tid: usize)
    where
        L: Lock<Vec<Owner<Item>>>,
    {
        let mut orphans = Vec::new();
        for bucket in &self.0 {
            bucket.with(|owners| {
                let gone = owners.extract_if(.., |owner| owner.tid != tid);
                orphans.extend(gone.flat_map(|owner| owner.waiting));
            });
        }
        self.bucket(tid).with(|owners| {
            let heir = owners.iter_mut().find(|owner| owner.tid == tid);
            heir.into_iter()
                .for_each(|heir| heir.waiting.append(&mut orphans));
        });
    }
}

/// What the owner does with an object that waited for it: true where that was the last reference. Also what anybody
/// does in place of an owner that did not survive a fork.
pub fn merge(words: &impl Words) -> bool {
    bias::explicit_merge(words, -1) == 0
}
