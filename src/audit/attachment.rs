//! Attaches the audit to the host, and says whether it sees all memory blocks.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::abi::{self, PyObject, PyTypeObject};
use crate::audit::guard::quarantine;
use crate::audit::guard::reuse;
use crate::audit::guard::zeroing;
use crate::audit::heap::blocks;
use crate::audit::heap::builtin::builtin;
use crate::audit::heap::host_hooks::host_hooks;
use crate::audit::heap::memory;
use crate::audit::holds;
use crate::audit::walk::heap_walk::HeapWalk;
use crate::audit::walk::names;
use crate::audit::walk::text;
use crate::audit::walk::types::size_of_instance;
use crate::audit::walk::unheld;
use crate::host;
use crate::host::reserve;
use crate::watch::birth_stacks::{self, Beginning, Birth};
use crate::watch::live;

static ATTACHED: AtomicBool = AtomicBool::new(false);
static BIRTHS: AtomicBool = AtomicBool::new(false);
/// Whether the host reports each birth.
static REPORTS_BIRTHS: AtomicBool = AtomicBool::new(false);

/// The error if there is no memory for a snapshot.
pub const NO_MEMORY: &CStr = c"there is no memory for a snapshot";
const TABLE_IS_OFF: &CStr =
    c"the live table is off: pyrefcore_watch(PYREFCORE_LIVE) switches it on";
/// The error if there is no host.
pub const NO_PYTHON: &CStr = c"this process has no CPython to attach to";

/// Whether a snapshot sees every object. It does not if there was no memory to note a block, or if another allocator
/// has displaced the hook.
///
/// # Safety
/// The host's lock is held.
#[must_use]
pub unsafe fn is_attached() -> bool {
    // Relaxed, in this file: the host's lock is held.
    ATTACHED.load(Ordering::Relaxed)
        && blocks::is_whole()
        // SAFETY: the host's lock is held, as the caller promises.
        && host_hooks().is_some_and(|hooks| unsafe { (hooks.hears)() } == Some(true))
}

/// Returns an error if a snapshot would miss objects or would be disturbed.
///
/// # Safety
/// The host's lock is held.
pub unsafe fn look() -> Result<(), &'static CStr> {
    memory::why_not()?;
    if !host::has_interpreter() {
        return live::is_open().then_some(()).ok_or(TABLE_IS_OFF);
    }
    let hooks = host_hooks().ok_or(NO_PYTHON)?;
    if !ATTACHED.load(Ordering::Relaxed) {
        return Err(c"the audit is not attached to this Python");
    }
    if !blocks::is_whole() {
        return Err(c"there was no memory to record some objects, so a snapshot would miss them; attach again");
    }
    // SAFETY: the host's lock is held, as the caller promises.
    match unsafe { (hooks.hears)() } {
        // SAFETY: as above.
        Some(true) => unsafe { (hooks.alone)() },
        Some(false) => Err(
            c"another allocator was set after the audit's hook and hides new objects from it; attach again",
        ),
        None => Err(NO_MEMORY),
    }
}

/// Whether a snapshot would see every object and be undisturbed.
///
/// # Safety
/// The host's lock is held.
#[must_use]
pub unsafe fn can_look() -> bool {
    // SAFETY: the caller's promise is the callee's.
    unsafe { look() }.is_ok()
}

/// Runs `look` without a trace. An exception that a `tp_traverse` raises meanwhile is dropped, and the exception that
/// was being raised before is restored.
///
/// # Safety
/// The host's lock is held.
pub unsafe fn undisturbed<T>(look: impl FnOnce() -> T) -> T {
    let Some(hooks) = host_hooks() else {
        return look();
    };
    // SAFETY: the host's lock is held, as the caller promises. The exception is put back once.
    unsafe {
        let error = (hooks.put_error_aside)();
        let seen = look();
        (hooks.put_error_back)(error);
        seen
    }
}

/// Whether the stack of each birth is kept.
#[inline]
#[must_use]
pub fn keeps_births() -> bool {
    BIRTHS.load(Ordering::Relaxed)
}

/// Starts or stops keeping the stack of each birth; returns whether stacks were kept before.
///
/// # Safety
/// The host's lock is held.
pub unsafe fn keep_births(on: bool) -> bool {
    let before = BIRTHS.swap(on, Ordering::Relaxed);
    if before != on {
        // SAFETY: the host's lock is held, as the caller promises.
        unsafe {
            let told = host_hooks().is_some_and(|hooks| (hooks.births)(on));
            REPORTS_BIRTHS.store(told, Ordering::Relaxed);
            reuse::switch(on && !told);
        }
    }
    if before && !on {
        // From now on, reused memory is not noticed.
        birth_stacks::clear();
    }
    before
}

/// While stacks of births are kept: makes sure that a birth of this type differs from a first use of memory.
///
/// # Safety
/// `ob_type` is a type, and the host's lock is held.
pub unsafe fn keep_births_of(ob_type: *mut PyTypeObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { reuse::watch(ob_type) }
}

/// The birth stack of an object. The flag is false if only the first use of its memory is known. `None` if no stack was
/// kept.
///
/// # Safety
/// `op` is an object.
#[must_use]
pub unsafe fn birth_of(op: *mut PyObject) -> Option<(Birth, bool)> {
    // SAFETY: `op` is an object, so its type has been set.
    let birth = birth_stacks::at(op as usize - unsafe { abi::presize(op) })?;
    // SAFETY: `op` is an object, so its type is a type.
    let is_seen = || unsafe { reuse::is_seen(abi::type_of(op)) };
    let is_birth = match birth.of {
        Beginning::Object | Beginning::MovedObject => true,
        Beginning::UsedBlock => false,
        Beginning::Block => !REPORTS_BIRTHS.load(Ordering::Relaxed) && is_seen(),
    };
    Some((birth, is_birth))
}

/// Attaches, or returns the reason why not. Without a host, the live table must be on.
///
/// # Safety
/// The host's lock is held.
pub unsafe fn attach() -> Result<(), &'static CStr> {
    // SAFETY: the caller's promise is the callee's.
    if unsafe { is_attached() } {
        return Ok(());
    }
    if !host::has_interpreter() {
        // SAFETY: the caller's promise is the callee's.
        return unsafe { look() };
    }
    let hooks = host_hooks().ok_or(NO_PYTHON)?;
    memory::why_not()?;
    if !blocks::open() {
        return Err(NO_MEMORY);
    }
    birth_stacks::clear();
    // SAFETY: the host's lock is held, as the caller promises. The collector tracks only objects.
    unsafe {
        holds::learn();
        names::learn();
        text::learn();
        (hooks.open)()?;
        let mut tracked = Vec::new();
        if let Err(why_not) = (hooks.tracked)(&mut |op| tracked.push(op)) {
            (hooks.close)();
            return Err(why_not);
        }
        if !adopt(tracked) || reserve::is_short() {
            (hooks.close)();
            return Err(NO_MEMORY);
        }
    }
    ATTACHED.store(true, Ordering::Relaxed);
    Ok(())
}

/// Detaches. False if another allocator stands in front of the hook; the hook then stays and only passes calls on.
///
/// # Safety
/// The host's lock is held.
pub unsafe fn detach() -> bool {
    if !ATTACHED.swap(false, Ordering::Relaxed) {
        return true;
    }
    // SAFETY: the host's lock is held, as the caller promises.
    unsafe {
        keep_births(false);
        quarantine::switch(false);
        zeroing::switch(false);
        unheld::switch(false);
        host_hooks().is_none_or(|hooks| (hooks.close)())
    }
}

/// Notes the blocks of objects that are older than the hook; false if there is no memory.
///
/// # Safety
/// Each of `tracked` is an object, and the host's lock is held.
#[must_use]
unsafe fn adopt(tracked: Vec<*mut PyObject>) -> bool {
    // SAFETY: the caller's promise is the callee's.
    let Some(walk) = (unsafe { HeapWalk::over_trusted(tracked.into_iter()) }) else {
        return false;
    };
    for &seen in &walk.seen {
        // SAFETY: an object that was met is alive and has its type.
        unsafe {
            let ob_type = abi::type_of(seen.op);
            let is_static = walk
                .memory
                .is_static(seen.op as usize, size_of::<PyObject>());
            if is_static || !builtin().frees_blocks(ob_type) {
                continue;
            }
            let front = usize::from(walk.info(seen).pairs) * 16;
            let block = seen.op as usize - front;
            if blocks::room(block).is_none() {
                blocks::adopted(block, front + size_of_instance(seen.op, ob_type));
            }
        }
    }
    // SAFETY: the host's lock is held, so no met object has died.
    unsafe { walk.remember_outside() };
    true
}
