//! All objects, up to 3.12: a ring through the first two words of each (`Py_TRACE_REFS`).

use std::cell::UnsafeCell;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::abi::LinkedObject;

/// A ring of objects, newest first. Its head is no object.
#[derive(Debug)]
pub struct Chain {
    head: UnsafeCell<LinkedObject>,
    /// The number of each running walk, and its next object. The lock guards the ring as well.
    walks: Mutex<Vec<(usize, *mut LinkedObject)>>,
}

// SAFETY: the ring is read and written only under the lock.
unsafe impl Sync for Chain {}

/// Why an object can't leave the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Its count is negative.
    Negative,
    /// Its neighbours do not point back to it.
    Chain,
}

/// All objects of the process.
pub static ALL: Chain = Chain::new();

impl Chain {
    /// An empty ring.
    #[must_use]
    pub const fn new() -> Self {
        let head = LinkedObject {
            _ob_next: null_mut(),
            _ob_prev: null_mut(),
            ob_refcnt: 0,
            ob_type: null_mut(),
        };
        Self {
            head: UnsafeCell::new(head),
            walks: Mutex::new(Vec::new()),
        }
    }

    /// Puts an object into the ring. Without `force`, only if it is in no ring.
    ///
    /// # Safety
    /// `op` is an object. With `force` it is in no ring.
    pub unsafe fn add(&self, op: *mut LinkedObject, force: bool) {
        let _walks = self.lock();
        let head = self.head.get();
        // SAFETY: the lock is held. `op`, the head and all objects in the ring are valid.
        unsafe {
            if force || (*op)._ob_prev.is_null() {
                (*op)._ob_next = (*head)._ob_next;
                (*op)._ob_prev = head;
                (*(*head)._ob_next)._ob_prev = op;
                (*head)._ob_next = op;
            }
        }
    }

    /// Takes an object out of the ring.
    ///
    /// # Errors
    /// The count is negative, or the links are not those of an object in a ring. Nothing is changed then.
    ///
    /// # Safety
    /// `op` points to an object.
    pub unsafe fn forget(&self, op: *mut LinkedObject) -> Result<(), Broken> {
        let mut walks = self.lock();
        // SAFETY: the lock is held, and the neighbours of an object in the ring are valid.
        unsafe {
            if (*op).ob_refcnt < 0 {
                return Err(Broken::Negative);
            }
            let (next, prev) = ((*op)._ob_next, (*op)._ob_prev);
            let linked = !next.is_null() && !prev.is_null() && op != self.head.get();
            if !linked || (*prev)._ob_next != op || (*next)._ob_prev != op {
                return Err(Broken::Chain);
            }
            for (_, at) in walks.iter_mut().filter(|(_, at)| *at == op) {
                *at = next;
            }
            (*next)._ob_prev = prev;
            (*prev)._ob_next = next;
            (*op)._ob_next = null_mut();
            (*op)._ob_prev = null_mut();
        }
        Ok(())
    }

    /// Calls `visit` with each object, newest first, until it returns false. Objects may be born and die meanwhile.
    /// Neither the new ones nor the dead ones are visited.
    pub fn visit(&self, mut visit: impl FnMut(*mut LinkedObject) -> bool) {
        let mut walks = self.lock();
        let walk = walks.iter().map(|(walk, _)| walk + 1).max().unwrap_or(0);
        let head = self.head.get();
        // SAFETY: the lock is held.
        walks.push((walk, unsafe { (*head)._ob_next }));
        loop {
            let at = walks.iter_mut().find(|(other, _)| *other == walk);
            let Some((_, at)) = at.filter(|(_, at)| *at != head) else {
                break;
            };
            let op = *at;
            // SAFETY: the lock is held, and `forget` moves a walk on before its object leaves.
            *at = unsafe { (*op)._ob_next };
            drop(walks);
            let go_on = visit(op);
            walks = self.lock();
            if !go_on {
                break;
            }
        }
        walks.retain(|(other, _)| *other != walk);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<(usize, *mut LinkedObject)>> {
        let guard = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
        let head = self.head.get();
        // SAFETY: the lock is held. The head of an empty ring points to itself. A constant can't say that, so the first
        // call does it.
        unsafe {
            if (*head)._ob_next.is_null() {
                (*head)._ob_next = head;
                (*head)._ob_prev = head;
            }
        }
        guard
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(n: usize) -> Vec<LinkedObject> {
        let object = || LinkedObject {
            _ob_next: null_mut(),
            _ob_prev: null_mut(),
            ob_refcnt: 1,
            ob_type: null_mut(),
        };
        (0..n).map(|_| object()).collect()
    }

    fn listed(chain: &Chain) -> Vec<*mut LinkedObject> {
        let mut seen = Vec::new();
        chain.visit(|op| {
            seen.push(op);
            true
        });
        seen
    }

    #[test]
    fn newest_come_first() {
        let (chain, mut all) = (Chain::new(), objects(3));
        let ops: Vec<_> = all.iter_mut().map(|op| &raw mut *op).collect();
        // SAFETY: the objects outlive the chain and do not move.
        unsafe {
            ops.iter().for_each(|&op| chain.add(op, true));
            chain.add(ops[0], false);
            assert_eq!(listed(&chain), [ops[2], ops[1], ops[0]]);
            assert_eq!(chain.forget(ops[1]), Ok(()));
            assert_eq!(listed(&chain), [ops[2], ops[0]]);
            assert_eq!(chain.forget(ops[1]), Err(Broken::Chain));
            let oldest = ops[0];
            (*oldest).ob_refcnt = -1;
            assert_eq!(chain.forget(oldest), Err(Broken::Negative));
        }
    }

    #[test]
    fn a_walk_survives_births_and_deaths() {
        let (chain, mut all) = (Chain::new(), objects(6));
        let ops: Vec<_> = all.iter_mut().map(|op| &raw mut *op).collect();
        // SAFETY: as above.
        unsafe {
            ops[..5].iter().for_each(|&op| chain.add(op, true));
            let mut seen = Vec::new();
            chain.visit(|op| {
                seen.push(op);
                if op == ops[4] {
                    chain.add(ops[5], true);
                    for dead in [ops[4], ops[3], ops[1]] {
                        assert_eq!(chain.forget(dead), Ok(()));
                    }
                }
                true
            });
            assert_eq!(seen, [ops[4], ops[2], ops[0]]);
            assert_eq!(listed(&chain), [ops[5], ops[2], ops[0]]);
        }
    }
}
