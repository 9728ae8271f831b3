//! The C call stacks that were seen, each kept once.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// A stack that was seen before.
pub type StackId = u32;

#[derive(Default)]
pub(super) struct Depot {
    ids: HashMap<Box<[usize]>, StackId>,
    stacks: Vec<Box<[usize]>>,
}

static DEPOT: LazyLock<Mutex<Depot>> = LazyLock::new(Mutex::default);

/// The frames of this library that stand on top of every stack it takes are beyond what was asked for.
const OWN_FRAMES: usize = 12;

/// Takes the calling thread's stack, innermost first: at least `frames` beyond this library's own. `None` where there is no
/// memory.
#[must_use]
pub fn capture(frames: usize) -> Option<StackId> {
    let mut stack = Vec::new();
    stack.try_reserve_exact(frames + OWN_FRAMES).ok()?;
    let mut depot = lock();
    // SAFETY: the lock is held, and nobody in this library takes stacks or looks names up without it. The crate's
    // own lock could not be freed after a fork.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            let address = frame.ip() as usize;
            // The outermost frame of a thread has no caller.
            if address != 0 {
                stack.push(address);
            }
            address != 0 && stack.len() < frames + OWN_FRAMES
        });
    }
    if let Some(&id) = depot.ids.get(&*stack) {
        return Some(id);
    }
    let [kept, key] = [copy(&stack)?, copy(&stack)?];
    depot.ids.try_reserve(1).ok()?;
    depot.stacks.try_reserve(1).ok()?;
    let id = depot.stacks.len() as StackId;
    depot.ids.insert(key, id);
    depot.stacks.push(kept);
    Some(id)
}

fn copy(stack: &[usize]) -> Option<Box<[usize]>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(stack.len()).ok()?;
    copy.extend_from_slice(stack);
    // As long as its room: nothing is allocated again.
    Some(copy.into_boxed_slice())
}

/// The return addresses of a stack, innermost first.
#[must_use]
pub fn get(id: StackId) -> Vec<usize> {
    let depot = lock();
    depot
        .stacks
        .get(id as usize)
        .map_or_else(Vec::new, |stack| stack.to_vec())
}

pub(super) fn lock() -> MutexGuard<'static, Depot> {
    DEPOT.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_stack_is_kept_once() {
        let ids: Vec<Option<StackId>> = (0..2).map(|_| capture(4)).collect();
        assert_eq!(ids[0], ids[1]);
        assert!(get(capture(4).expect("memory")).len() > 4);
        assert!(get(StackId::MAX).is_empty());
    }
}
