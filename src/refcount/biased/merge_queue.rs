//! Objects that wait for their owner to merge them: CPython's `Python/brc.c`.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Mutex, PoisonError};

use super::protocol;
use super::words::{Word, Words};

/// CPython's `_Py_BRC_NUM_BUCKETS`: a prime, because thread ids have many factors in common.
pub const BUCKETS: usize = 257;

/// A value that only one thread uses at a time.
pub trait Lock<T> {
    /// Calls `look` with the value while the lock is held.
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
        look(&mut self.lock().expect("no thread of a model panics"))
    }
}

/// A thread that may own objects, with the items that wait for it.
#[derive(Debug)]
pub struct Owner<Item> {
    tid: usize,
    waiting: Vec<Item>,
}

/// All threads by their id, in buckets, each with the items that wait for it.
#[derive(Debug)]
pub struct MergeQueue<L, const N: usize = BUCKETS>([L; N]);

/// The result of handing a reference to an object's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handed {
    /// The item waits until the owner merges.
    Waits,
    /// The object was merged meanwhile. The caller still owns the reference and must release it.
    Back,
    /// The owner has ended, and the caller has merged in its place. References remain.
    Alive,
    /// The owner has ended, and the caller has merged in its place. No reference remains: the caller must end the
    /// object.
    Dead,
}

impl<L, const N: usize> MergeQueue<L, N> {
    /// A queue with these buckets.
    pub const fn new(buckets: [L; N]) -> Self {
        Self(buckets)
    }

    fn bucket(&self, tid: usize) -> &L {
        &self.0[tid % N]
    }

    /// All buckets: a thread locks them while it forks.
    pub fn buckets(&self) -> &[L; N] {
        &self.0
    }

    /// Enters a thread. Called on that thread. An entry with its id may be left from a thread that ended without
    /// [`MergeQueue::leave`]; then nothing is done.
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

    /// Hands a reference to the owner of an object: `_Py_brc_queue_object`. The caller has set [`protocol::QUEUED`] before,
    /// so only one thread queues an object.
    pub fn queue<Item>(&self, item: Item, words: &impl Words) -> Handed
    where
        L: Lock<Vec<Owner<Item>>>,
    {
        // SeqCst: CPython's order. It does no harm if a merge is not seen yet: to merge a second time keeps the sum.
        let tid = words.tid().load(SeqCst);
        if tid == 0 {
            return Handed::Back;
        }
        self.bucket(tid).with(|owners| {
            if let Some(owner) = owners.iter_mut().find(|owner| owner.tid == tid) {
                owner.waiting.push(item);
                return Handed::Waits;
            }
            // The owner left while it held this lock, so all its writes are visible. No other thread queues this
            // object.
            match protocol::explicit_merge(words, -1) {
                0 => Handed::Dead,
                _ => Handed::Alive,
            }
        })
    }

    /// Takes the items that wait for a thread. Called on that thread.
    pub fn take<Item>(&self, tid: usize) -> Vec<Item>
    where
        L: Lock<Vec<Owner<Item>>>,
    {
        self.bucket(tid).with(|owners| {
            let owner = owners.iter_mut().find(|owner| owner.tid == tid);
            owner.map_or_else(Vec::new, |owner| std::mem::take(&mut owner.waiting))
        })
    }

    /// Removes a thread that ends. Called on that thread. False, with the thread still entered, where items wait for
    /// it.
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

    /// Removes every other thread and gives their items to this one, after a fork that only this thread survived.
    /// Called on that thread, which is registered.
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

/// Merges an object that waited, and gives back the reference that was handed over; true where it was the last one.
/// Called by the owner, or by its heir after a fork.
pub fn merge(words: &impl Words) -> bool {
    protocol::explicit_merge(words, -1) == 0
}
