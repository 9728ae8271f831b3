//! C call stacks, each kept once.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use super::unwinding::Unwinder;

/// The number of a kept stack.
pub type StackId = u32;

#[derive(Default)]
pub(super) struct Depot {
    ids: HashMap<Box<[usize]>, StackId>,
    stacks: Vec<Box<[usize]>>,
    unwinder: Unwinder,
}

static DEPOT: LazyLock<Mutex<Depot>> = LazyLock::new(Mutex::default);

/// Extra frames in a capture: this library's own frames are on top of every stack.
const OWN_FRAMES: usize = 12;
/// In a host: the most frames that one walk looks at.
const DEEPEST: usize = 512;
/// In a host: the frames kept of a stack that has only frames of the interpreter.
const INTERPRETER_FRAMES: usize = 4;

/// The code in a host that belongs to no extension.
#[derive(Clone, Debug)]
pub struct Code {
    /// The interpreter.
    pub interpreter: Range<usize>,
    /// This library.
    pub own: Range<usize>,
    /// The program and the C library. Every stack begins in them.
    pub beginning: [Range<usize>; 2],
}

static CODE: OnceLock<Code> = OnceLock::new();

/// Sets the code ranges of the host. Called once.
pub fn follow_host(code: Code) {
    let _ = CODE.set(code);
}

/// The code ranges of the host; `None` without one.
#[must_use]
pub fn code() -> Option<&'static Code> {
    CODE.get()
}

/// Keeps the calling thread's stack, innermost frame first. Without a host: `frames` frames beyond this library's own,
/// if there are so many. In a host: about `frames`, and of the interpreter's frames only those that other code has
/// called. `None` if there is no memory.
#[must_use]
pub fn capture(frames: usize) -> Option<StackId> {
    let mut stack = Vec::new();
    stack.try_reserve_exact(frames + OWN_FRAMES).ok()?;
    let mut depot = lock();
    match CODE.get() {
        Some(code) => fold(&mut depot.unwinder, code, &mut stack, frames),
        None => walk(&mut depot.unwinder, &mut stack, frames + OWN_FRAMES),
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
    // The length equals the capacity, so this allocates nothing.
    Some(copy.into_boxed_slice())
}

/// The first `most` frames of the stack.
fn walk(unwinder: &mut Unwinder, stack: &mut Vec<usize>, most: usize) {
    unwinder.visit(|address| {
        stack.push(address);
        stack.len() < most
    });
}

/// The frames of the stack without this library's. Of consecutive frames of the interpreter, only the outermost is
/// kept: the function that the next frame called. The frames in which the stack begins are left out, too.
fn fold(unwinder: &mut Unwinder, code: &Code, stack: &mut Vec<usize>, most: usize) {
    let (mut inner, mut inner_count) = ([0; INTERPRETER_FRAMES], 0);
    let mut entered = None;
    // The index of the outermost frame of the interpreter. CPython's allocation functions jump to their hook, so a thread
    // of an extension may have none.
    let mut outermost = None;
    let mut walked = 0;
    unwinder.visit(|address| {
        walked += 1;
        if code.interpreter.contains(&address) {
            if stack.is_empty() && inner_count < INTERPRETER_FRAMES {
                inner[inner_count] = address;
                inner_count += 1;
            }
            entered = Some(address);
        } else if !code.own.contains(&address) {
            if entered.is_some() {
                outermost = Some(stack.len());
            }
            stack.extend(entered.take());
            stack.push(address);
        }
        stack.len() < most && walked < DEEPEST
    });
    let begins = |address| code.beginning.iter().any(|range| range.contains(address));
    if let Some(outermost) = outermost
        && stack[outermost + 1..].iter().all(begins)
    {
        stack.truncate(outermost);
    }
    if stack.is_empty() {
        stack.extend(&inner[..inner_count]);
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
