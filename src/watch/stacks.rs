//! The C call stacks that were seen, each kept once.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

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
/// In a host: at most so many frames are walked, whatever is kept of them.
const DEEPEST: usize = 512;
/// In a host: so many frames are kept of a stack that has no other than the interpreter's.
const INTERPRETER_FRAMES: usize = 4;

/// Where the code of a host lies that is nothing an extension did.
#[derive(Clone, Debug)]
pub struct Code {
    /// The interpreter.
    pub interpreter: Range<usize>,
    /// This library.
    pub own: Range<usize>,
    /// The program and the C library, in which every stack begins.
    pub beginning: [Range<usize>; 2],
}

static CODE: OnceLock<Code> = OnceLock::new();

/// From now on there is a host. Called once.
pub fn follow_host(code: Code) {
    let _ = CODE.set(code);
}

/// Takes the calling thread's stack, innermost first: at least `frames` beyond this library's own. In a host at most
/// `frames`, and of the interpreter's frames only those that other code has called. `None` where there is no memory.
#[must_use]
pub fn capture(frames: usize) -> Option<StackId> {
    let mut stack = Vec::new();
    stack.try_reserve_exact(frames + OWN_FRAMES).ok()?;
    let mut depot = lock();
    match CODE.get() {
        Some(code) => fold(code, &mut stack, frames),
        None => walk(&mut stack, frames + OWN_FRAMES),
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

/// The frames of a stack, whatever they are.
fn walk(stack: &mut Vec<usize>, most: usize) {
    visit(|address| {
        stack.push(address);
        stack.len() < most
    });
}

/// The frames of a stack, without this library's, and of each series of the interpreter's only the outermost, which is
/// the function that the next frame has called. Those in which the stack begins are left out, too.
fn fold(code: &Code, stack: &mut Vec<usize>, most: usize) {
    let (mut inner, mut inner_count) = ([0; INTERPRETER_FRAMES], 0);
    let mut entered = None;
    // Where the frames begin that the interpreter was called from last.
    let mut outermost = 0;
    let mut walked = 0;
    visit(|address| {
        walked += 1;
        if code.interpreter.contains(&address) {
            if stack.is_empty() && inner_count < INTERPRETER_FRAMES {
                inner[inner_count] = address;
                inner_count += 1;
            }
            entered = Some(address);
        } else if !code.own.contains(&address) {
            if entered.is_some() {
                outermost = stack.len();
            }
            stack.extend(entered.take());
            stack.push(address);
        }
        stack.len() < most && walked < DEEPEST
    });
    // The first of them is the interpreter's.
    let begins = |address| code.beginning.iter().any(|range| range.contains(address));
    if stack.len() > outermost && stack[outermost + 1..].iter().all(begins) {
        stack.truncate(outermost);
    }
    if stack.is_empty() {
        stack.extend(&inner[..inner_count]);
    }
}

/// Calls `each` with the return addresses of the calling thread's stack, innermost first, while it answers yes. The lock
/// is held.
fn visit(mut each: impl FnMut(usize) -> bool) {
    // SAFETY: the lock is held, and this library takes no stack and looks no name up without it. The crate's
    // own lock could not be freed after a fork.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            let address = frame.ip() as usize;
            // The outermost frame of a thread has no caller.
            address != 0 && each(address)
        });
    }
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
