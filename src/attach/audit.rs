//! The audit's access to the host, and the hook that reports every block of the object domain to the audit.

use std::ffi::{CStr, c_void};
use std::ptr::{null, null_mut};

use super::allocator::{Allocator, Inner, OBJECTS, access};
use super::originals::Library;
use super::{births, collector, domains, exit_callbacks, interpreters, loader};
use super::{originals, running_line, thread_counts};
use crate::abi::PyObject;
use crate::audit::attachment;
use crate::audit::guard::held_back;
use crate::audit::guard::looks;
use crate::audit::guard::quarantine;
use crate::audit::guard::reuse;
use crate::audit::guard::zeroing;
use crate::audit::heap::blocks;
use crate::audit::heap::builtin;
use crate::audit::heap::host_hooks::{self, Error, HostHooks};
use crate::audit::heap::young::{self, Domain};
use crate::audit::walk::old_words;
use crate::audit::walk::outside;
use crate::audit::walk::pinned;
use crate::history;
use crate::watch::stacks::{self, Code};
use crate::watch::{birth_stacks, fork, lines};

static INNER: Inner = Inner::new();

const NO_MEMORY_API: &CStr = c"this CPython hides the functions that hook its allocator";
/// Lets the audit attach to this host.
pub(super) fn open_hooks(python: &Library) {
    let code = loader::range_of(python.symbol(c"PyType_Type"));
    let own = HOOK.malloc.map_or(null(), |hook| hook as *const c_void);
    stacks::follow_host(Code {
        interpreter: code.clone(),
        own: loader::range_of(own),
        beginning: [
            loader::program(),
            loader::range_of(libc::abort as *const c_void),
        ],
    });
    lines::follow_host(running_line::running);
    // SAFETY: the library is CPython's.
    unsafe { builtin::follow_host(code, |name| python.symbol(name)) };
    host_hooks::set(HostHooks {
        open,
        close,
        hears,
        alone: interpreters::alone,
        put_error_aside,
        put_error_back,
        symbol: |name| originals::python().map_or(null_mut(), |python| python.symbol(name)),
        interpreter: interpreters::current,
        give_back: |block| {
            // SAFETY: the block came from the allocator behind the hook.
            unsafe { give_back(block as *mut c_void) }
        },
        // SAFETY: the audit holds the host's lock.
        births: |on| unsafe {
            if on {
                originals::python().inspect(|python| running_line::learn(python));
                births::listen()
            } else {
                births::leave();
                false
            }
        },
        // SAFETY: the audit holds the host's lock, and attached first. So the inner allocator is complete.
        fills_blocks: || unsafe { (*INNER.0.get()).fills_blocks() },
        tracked: collector::tracked,
        containers: collector::containers,
        watch_domains: domains::watch,
        // SAFETY: the audit attached first, so the inner allocator is complete. It holds the host's lock, and has set
        // the hooks of the domains.
        c_heap: || unsafe { domains::c_heap(&*INNER.0.get()) },
        by_threads: |number| {
            // SAFETY: the audit holds the host's lock while it looks.
            unsafe { thread_counts::references(number) }
        },
        exit_callbacks: |visit| {
            // SAFETY: the audit holds the host's lock while it looks.
            unsafe { exit_callbacks::visit(visit) }
        },
    });
}

/// Every lock of the audit, for a fork.
pub(super) fn locks() -> fork::Locks {
    vec![
        history::session::locked(),
        history::births::locked(),
        Box::new(looks::looks()),
        Box::new(quarantine::lock()),
        Box::new(pinned::lock()),
        Box::new(old_words::lock()),
        Box::new(outside::lock()),
    ]
}

/// # Safety
/// The host's lock is held.
unsafe fn open() -> Result<(), &'static CStr> {
    let [get, set] = access().ok_or(NO_MEMORY_API)?;
    // SAFETY: the host's lock is held, as the caller promises. New blocks do not pass our hook when it is set, so it
    // can't be behind the allocator that it will call.
    unsafe {
        interpreters::alone()?;
        if hears().ok_or(attachment::NO_MEMORY)? {
            return Ok(());
        }
        if let Some(python) = originals::python() {
            exit_callbacks::learn(python);
            thread_counts::learn(python);
        }
        let mut ours = HOOK;
        let mut now = *Inner::new().0.get();
        get(OBJECTS, &mut now);
        if !is_ours(&now) {
            *INNER.0.get() = now;
            set(OBJECTS, &mut ours);
        }
    }
    Ok(())
}

/// Whether a new block passes our hook. Another hook that was set before ours, such as tracemalloc's, removes ours when
/// it is removed. `None` if there is no memory to try.
///
/// # Safety
/// The host's lock is held.
unsafe fn hears() -> Option<bool> {
    const BYTES: usize = 16;
    let Some(python) = originals::python() else {
        return Some(false);
    };
    // SAFETY: the host's public functions, with the types that its headers give them; the lock is held.
    unsafe {
        let realloc = python.function::<unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void>(
            c"PyObject_Realloc",
        );
        let free = python.function::<unsafe extern "C" fn(*mut c_void)>(c"PyObject_Free");
        let (Some(realloc), Some(free)) = (realloc, free) else {
            return Some(false);
        };
        // A block of this length has an entry in every flavour.
        let first = realloc(null_mut(), BYTES);
        if first.is_null() {
            return None;
        }
        // This entry may be older than the loss of the hook. So it is cleared: only the next call may set an entry.
        blocks::taken_back(first as usize);
        let again = realloc(first, 2 * BYTES);
        let block = if again.is_null() { first } else { again };
        let heard = blocks::room(block as usize).is_some();
        free(block);
        Some(heard)
    }
}

/// # Safety
/// The host's lock is held.
unsafe fn close() -> bool {
    let Some([get, set]) = access() else {
        return true;
    };
    // SAFETY: the host's lock is held, as the caller promises.
    unsafe {
        let mut now = *Inner::new().0.get();
        get(OBJECTS, &mut now);
        if !is_ours(&now) {
            return false;
        }
        set(OBJECTS, INNER.0.get());
    }
    true
}

const HOOK: Allocator = Allocator {
    ctx: null_mut(),
    malloc: Some(malloc),
    calloc: Some(calloc),
    realloc: Some(realloc),
    free: Some(free),
};

fn is_ours(allocator: &Allocator) -> bool {
    allocator.malloc.map(|malloc| malloc as usize) == HOOK.malloc.map(|malloc| malloc as usize)
}

/// # Safety
/// The host's lock is held.
unsafe fn put_error_aside() -> Error {
    type Fetch = unsafe extern "C" fn(*mut *mut PyObject, *mut *mut PyObject, *mut *mut PyObject);
    let mut error = [null_mut(); 3];
    let [kind, value, traceback] = &mut error;
    // SAFETY: the host's public function, with the type that its headers give it; the lock is held.
    unsafe {
        let fetch = originals::python().and_then(|python| python.function::<Fetch>(c"PyErr_Fetch"));
        if let Some(fetch) = fetch {
            fetch(kind, value, traceback);
        }
    }
    error
}

/// # Safety
/// The host's lock is held, and the error came from [`put_error_aside`].
unsafe fn put_error_back([kind, value, traceback]: Error) {
    type Restore = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject);
    // SAFETY: as above. The function steals the three references.
    unsafe {
        let restore =
            originals::python().and_then(|python| python.function::<Restore>(c"PyErr_Restore"));
        if let Some(restore) = restore {
            restore(kind, value, traceback);
        }
    }
}

unsafe extern "C" fn malloc(ctx: *mut c_void, bytes: usize) -> *mut c_void {
    if zeroing::is_on() {
        // SAFETY: our own hook, with the caller's arguments.
        return unsafe { calloc(ctx, 1, bytes) };
    }
    // SAFETY: the inner allocator's own function and context. The caller holds the lock of its interpreter.
    unsafe {
        let inner = INNER.0.get();
        let block = (*inner).malloc.unwrap_unchecked()((*inner).ctx, blocks::enough(bytes));
        given(block, bytes);
        block
    }
}

unsafe extern "C" fn calloc(_ctx: *mut c_void, items: usize, bytes: usize) -> *mut c_void {
    let all = items.saturating_mul(bytes);
    let (items, bytes) = blocks::enough_items(items, bytes);
    // SAFETY: as in `malloc`.
    unsafe {
        let inner = INNER.0.get();
        let block = (*inner).calloc.unwrap_unchecked()((*inner).ctx, items, bytes);
        given(block, all);
        block
    }
}

/// Forgets the old block first. Once the block has moved, its old address may be another block's.
unsafe extern "C" fn realloc(ctx: *mut c_void, block: *mut c_void, bytes: usize) -> *mut c_void {
    if block.is_null() {
        // SAFETY: our own hook, with the caller's arguments.
        return unsafe { malloc(ctx, bytes) };
    }
    let room = blocks::room(block as usize);
    let young = young::take(block as usize);
    let old = blocks::short_length(block as usize).or(young.map(|young| young.bytes));
    blocks::taken_back(block as usize);
    let began = if attachment::keeps_births() {
        birth_stacks::at(block as usize)
    } else {
        None
    };
    // SAFETY: as in `malloc`, with the caller's block.
    let moved = unsafe {
        let inner = INNER.0.get();
        (*inner).realloc.unwrap_unchecked()((*inner).ctx, block, blocks::enough(bytes))
    };
    if !moved.is_null() {
        // SAFETY: the block has `bytes` bytes now, and nothing was written behind the old ones.
        unsafe { zeroing::clear_tail(old, moved.cast(), bytes) };
        young::resized(young, moved as usize, bytes, Domain::Object);
        blocks::given(moved as usize, bytes);
        history::births::moved(block as usize, moved as usize);
        if attachment::keeps_births() {
            // SAFETY: the caller holds the lock of its interpreter.
            unsafe { birth_stacks::moved(began, moved as usize) };
        }
        pinned::resized(block as usize, room.unwrap_or(0));
    } else {
        if let Some(room) = room {
            blocks::adopted(block as usize, room);
        }
        if let Some(old) = young {
            young::resized(young, old.start, old.bytes, old.domain);
        }
    }
    moved
}

unsafe extern "C" fn free(_ctx: *mut c_void, mut block: *mut c_void) {
    if reuse::is_on() {
        // SAFETY: the block is the caller's, and has as many bytes as `room` says.
        unsafe { reuse::restore_type(block as usize, blocks::room(block as usize).unwrap_or(0)) };
    }
    let young = young::take(block as usize);
    if held_back::is_on() {
        // SAFETY: the block is the caller's. The caller holds the lock of its interpreter.
        match unsafe { quarantine::hold(block as usize, interpreters::current(), young) } {
            Some(other) => block = other as *mut c_void,
            None => return,
        }
    }
    blocks::taken_back(block as usize);
    // SAFETY: as in `malloc`, with the caller's block, or with an older block from the quarantine.
    unsafe { give_back(block) }
}

/// # Safety
/// The block came from the inner allocator.
unsafe fn give_back(block: *mut c_void) {
    history::births::freed(block as usize);
    // SAFETY: the inner allocator's own function and context.
    unsafe {
        let inner = INNER.0.get();
        (*inner).free.unwrap_unchecked()((*inner).ctx, block)
    }
}

/// # Safety
/// The host's lock is held.
#[inline]
unsafe fn given(block: *mut c_void, bytes: usize) {
    if !block.is_null() {
        blocks::given(block as usize, bytes);
        history::births::given(block as usize, bytes);
        young::given(block as usize, bytes, Domain::Object);
        if attachment::keeps_births() {
            // SAFETY: the caller's promise is the callee's.
            unsafe { birth_stacks::allocated(block as usize) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    #[test]
    fn a_child_finds_every_lock_free() {
        static DONE: AtomicBool = AtomicBool::new(false);
        crate::host::own_memory::survive_forks();
        fork::take_part(locks);
        let busy = std::thread::spawn(|| {
            while !DONE.load(Ordering::Relaxed) {
                let held = locks();
                std::thread::sleep(Duration::from_micros(200));
                drop(held);
            }
        });
        let mut hung = 0;
        for _ in 0..50 {
            // SAFETY: the child only takes locks and ends. It may allocate, because `survive_forks` was called.
            unsafe {
                let child = libc::fork();
                if child == 0 {
                    libc::alarm(5);
                    drop(looks::looks());
                    drop(quarantine::lock());
                    drop(pinned::lock());
                    drop(old_words::lock());
                    drop(outside::lock());
                    libc::_exit(0);
                }
                let mut status = 0;
                libc::waitpid(child, &raw mut status, 0);
                hung += i32::from(status != 0);
            }
            if hung > 0 {
                break;
            }
        }
        DONE.store(true, Ordering::Relaxed);
        busy.join().expect("the thread ends");
        assert_eq!(hung, 0);
    }
}
