//! Objects that wait for their owner, where there is no interpreter to keep them; and what ends with it.
//!
//! A thread takes part from its first birth, or its first look at the queue, until it ends. What other threads have
//! handed to it is merged where it allocates an object, where it calls `pyrefcore_merge_queued`, and where it ends: at
//! places where a destructor may run. In a host the host's queue is used, and its owners merge between bytecodes.

use std::cell::{Cell, UnsafeCell};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::dangling;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};

use super::{count, death};
use crate::abi::{BiasedCount, FLAVOUR, Head, PyObject};
use crate::host::{self, Host, ThisHost, ThreadWords};
use crate::refcount::brc::{BUCKETS, Brc, Handed, Owner};
use crate::refcount::{Released, bias, brc};
use crate::watch::{ref_total, type_name};

/// An object that waits, with the reference that was handed over.
#[derive(Debug)]
struct Waiting(*mut PyObject);

// SAFETY: the thread that takes it out of the queue owns the reference, from whatever thread that came.
unsafe impl Send for Waiting {}

type Bucket = Mutex<Vec<Owner<Waiting>>>;

static QUEUE: Brc<Bucket> = Brc::new([const { Mutex::new(Vec::new()) }; BUCKETS]);
/// How many objects wait, for whomever.
static WAITING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether the thread's end has begun: see [`leave`].
    static IS_LEAVING: Cell<bool> = const { Cell::new(false) };
}

/// The counting part of an object of a free-threaded flavour.
///
/// # Safety
/// `op` is an object, and the flavour is free-threaded.
#[inline]
unsafe fn words<'a>(op: *mut PyObject) -> &'a BiasedCount {
    // SAFETY: the caller's promise; a free-threaded flavour has this layout, all of atomics.
    unsafe { &*PyObject::count(op).cast() }
}

/// The calling thread takes part from now on. Nothing happens in a host or under a global lock.
#[inline]
pub fn register() {
    if unknown() != 0 {
        register_now();
    }
}

/// Not zero where the calling thread has yet to [`register`].
#[inline]
pub fn unknown() -> usize {
    if FLAVOUR.free_threaded {
        ThreadWords::is_unknown()
    } else {
        0
    }
}

#[cold]
#[inline(never)]
fn register_now() {
    set_registered(true);
    if host::has_interpreter() {
        // Nothing is to be done, and need not be asked again.
        return;
    }
    static FORKS: Once = Once::new();
    // SAFETY: the functions live as long as the library, which is never unloaded.
    FORKS.call_once(|| unsafe {
        libc::pthread_atfork(Some(before_fork), Some(in_parent), Some(in_child));
    });
    call_at_end();
    QUEUE.register(ThisHost::thread_id());
}

fn set_registered(now: bool) {
    ThreadWords::with(|words| words.unknown.set((!now).into()));
}

/// Has [`leave`] called when the calling thread ends: by the C library, which calls such functions after the
/// language's own destructors, and again as long as one of them asks for it.
fn call_at_end() {
    static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: `key` is a local, and `leave` lives as long as the library.
        let failed = unsafe { libc::pthread_key_create(&mut key, Some(leave)) } != 0;
        (!failed).then_some(key)
    });
    match *key {
        // SAFETY: the key was created above.
        Some(key) => _ = unsafe { libc::pthread_setspecific(key, dangling::<c_void>()) },
        None => host::fatal("there is no pthread key left to learn of a thread's end with"),
    }
}

/// The thread ends: what it owns is merged by the thread that gives it back from now on. Put off by one round, so that the
/// program's own destructors, which may give back what the thread had, come first.
extern "C" fn leave(_: *mut c_void) {
    if !IS_LEAVING.replace(true) {
        merge_queued();
        call_at_end();
        return;
    }
    loop {
        merge_queued();
        if QUEUE.leave(ThisHost::thread_id()) {
            break;
        }
    }
    set_registered(false);
}

/// Whether the calling thread owns an object; false where the flavour knows no owners.
///
/// # Safety
/// `op` is an object.
pub unsafe fn owns(op: *mut PyObject) -> bool {
    // SAFETY: the caller's promise. Relaxed: only the owner makes itself go away.
    FLAVOUR.free_threaded && ThisHost::is_this_thread(unsafe { words(op) }.ob_tid.load(Relaxed))
}

/// Gives a reference back by a thread that is not the owner: `_Py_DecRefShared`. `file` and `line` name the place for a
/// debug flavour.
///
/// # Safety
/// `op` is an object of which the caller owns a reference, and the flavour is free-threaded; `file` is a C string or
/// NULL.
#[inline]
pub unsafe fn release_shared(op: *mut PyObject, file: *const c_char, line: c_int) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        let outcome = if FLAVOUR.ref_debug {
            bias::release_shared_checked(words(op))
        } else {
            bias::release_shared(words(op))
        };
        match outcome {
            Released::Dead => death::dealloc(op),
            Released::Owners => hand_over(op, file, line),
            Released::Negative => negative(op, file, line),
            _ => {}
        }
    }
}

/// The same where the reference is one of the owner's, and goes to the owner's queue. In a host the host does all of it: it has the
/// queue.
///
/// # Safety
/// As [`release_shared`].
#[cold]
#[inline(never)]
pub unsafe fn hand_over(op: *mut PyObject, file: *const c_char, line: c_int) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        // Not the host's `_Py_DecRefShared`: that calls this one by name, which may be ours.
        if let Some(theirs) = host::originals()._Py_DecRefSharedDebug {
            theirs(op, file, line);
        } else if FLAVOUR.ref_debug && type_name::type_word(op) == Some(0xDDDD_DDDD_DDDD_DDDD) {
            // Freed memory, as a debug allocator fills it.
            negative(op, file, line);
        } else if bias::mark_queued(words(op)) {
            queue(op);
        } else {
            release_shared(op, file, line);
        }
    }
}

/// # Safety
/// As [`count::negative`]; `file` is a C string or NULL.
#[cold]
unsafe fn negative(op: *mut PyObject, file: *const c_char, line: c_int) -> ! {
    let file = if file.is_null() {
        c"_Py_DecRefShared"
    } else {
        // SAFETY: the caller's promise.
        unsafe { CStr::from_ptr(file) }
    };
    // SAFETY: the caller's promise is the callee's.
    unsafe { count::negative(op, file, line) }
}

/// The owner's own count has reached zero: `_Py_MergeZeroLocalRefcount`.
///
/// # Safety
/// `op` is an object of the calling thread, and the flavour is free-threaded.
#[inline]
pub unsafe fn merge_zero_local(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        if bias::merge_zero_local(words(op)) == Released::Dead {
            death::dealloc(op);
        }
    }
}

/// Hands a reference to the object's owner: `_Py_brc_queue_object`.
///
/// # Safety
/// `op` is an object that has just been marked as queued, in a process without an interpreter.
unsafe fn queue(op: *mut PyObject) {
    if FLAVOUR.ref_debug {
        // The reference lives on; the owner takes it out of the total.
        ref_total::add(1);
    }
    // Relaxed: the lock orders; who is too early finds nothing and looks again. Before the object is queued, so that
    // it is never below zero.
    WAITING.fetch_add(1, Relaxed);
    // SAFETY: the caller's promise is the callees'.
    let handed = unsafe { QUEUE.queue(Waiting(op), words(op)) };
    if handed == Handed::Waits {
        return;
    }
    WAITING.fetch_sub(1, Relaxed);
    if FLAVOUR.ref_debug {
        ref_total::add(-1);
    }
    // SAFETY: where it was the last reference, no other thread has the object.
    unsafe {
        match handed {
            Handed::Back => release_shared(op, c"_Py_brc_queue_object".as_ptr(), 0),
            Handed::Dead => death::dealloc(op),
            Handed::Alive | Handed::Waits => {}
        }
    }
}

/// Merges what waits for the calling thread, and ends what dies of it; returns how many objects waited.
#[inline]
pub fn merge_queued() -> usize {
    register();
    // Relaxed: see `queue`.
    if !FLAVOUR.free_threaded || WAITING.load(Relaxed) == 0 {
        return 0;
    }
    let waiting = QUEUE.take(ThisHost::thread_id());
    WAITING.fetch_sub(waiting.len(), Relaxed);
    // Last in, first out, as CPython's stack of them.
    for &Waiting(op) in waiting.iter().rev() {
        // SAFETY: the queue's own reference keeps the object alive, and the calling thread is its owner or, after a
        // fork, its owner's heir.
        unsafe {
            if FLAVOUR.ref_debug {
                ref_total::add(-1);
            }
            if brc::merge(words(op)) {
                death::dealloc(op);
            }
        }
    }
    waiting.len()
}

/// What is locked while the process forks.
struct Held(UnsafeCell<Vec<MutexGuard<'static, Vec<Owner<Waiting>>>>>);

// SAFETY: used only by the one thread that forks; the C library lets one at a time.
unsafe impl Sync for Held {}

static HELD: Held = Held(UnsafeCell::new(Vec::new()));

extern "C" fn before_fork() {
    let held = QUEUE.buckets().iter();
    let held = held.map(|bucket| bucket.lock().unwrap_or_else(PoisonError::into_inner));
    // SAFETY: only the forking thread is here.
    unsafe { *HELD.0.get() = held.collect() };
}

extern "C" fn in_parent() {
    // SAFETY: only the thread that has forked is here, or its twin in the child.
    unsafe { (*HELD.0.get()).clear() };
}

/// The other threads are gone: what waited for them waits for this one.
extern "C" fn in_child() {
    in_parent();
    register();
    QUEUE.inherit(ThisHost::thread_id());
}
