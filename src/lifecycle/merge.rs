//! The queue of objects that wait for their owner in a free-threaded process without an interpreter, and releases that
//! use it.
//!
//! A thread is registered from its first birth, or its first call of [`merge_queued`], until it ends. It merges the
//! objects that wait for it at three places, where a destructor may run: where it allocates an object, where it calls
//! `pyrefcore_merge_queued`, and where it ends. In a host the host's queue is used, and owners merge between bytecodes.

use std::cell::{Cell, UnsafeCell};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::dangling;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};

use super::{death, refcnt};
use crate::abi::{BiasedCount, FLAVOUR, Head, PyObject};
use crate::host::{self, Host, ThisHost, ThreadWords};
use crate::refcount::Released;
use crate::refcount::biased::merge_queue::{self, BUCKETS, Handed, MergeQueue, Owner};
use crate::refcount::biased::protocol;
use crate::watch::{ref_total, type_name};

/// An object that waits, with the reference that was handed to its owner.
#[derive(Debug)]
struct Waiting(*mut PyObject);

// SAFETY: a reference may move to another thread. The thread that takes the item out of the queue owns the reference.
unsafe impl Send for Waiting {}

type Bucket = Mutex<Vec<Owner<Waiting>>>;

static QUEUE: MergeQueue<Bucket> = MergeQueue::new([const { Mutex::new(Vec::new()) }; BUCKETS]);
/// How many objects wait, for all threads together.
static WAITING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether [`leave`] was called once for this thread.
    static IS_LEAVING: Cell<bool> = const { Cell::new(false) };
}

/// The counting part of an object of a free-threaded flavour.
///
/// # Safety
/// `op` is an object, and the flavour is free-threaded.
#[inline]
unsafe fn words<'a>(op: *mut PyObject) -> &'a BiasedCount {
    // SAFETY: an object is aligned and can be read and written. In a free-threaded flavour its count is a
    // `BiasedCount`, whose fields are all atomics.
    unsafe { &*PyObject::count(op).cast() }
}

/// Registers the calling thread. Nothing happens in a host or under a global lock.
#[inline]
pub fn register() {
    if unknown() != 0 {
        register_now();
    }
}

/// Not zero where the calling thread has not called [`register`] yet.
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
        // The host has its own queue. The thread counts as registered, so that this function is not called again.
        return;
    }
    static FORKS: Once = Once::new();
    // SAFETY: the library is never unloaded, so the functions stay valid.
    FORKS.call_once(|| unsafe {
        libc::pthread_atfork(Some(before_fork), Some(in_parent), Some(in_child));
    });
    call_at_end();
    QUEUE.register(ThisHost::thread_id());
}

fn set_registered(now: bool) {
    ThreadWords::with(|words| words.unknown.set((!now).into()));
}

/// Makes the C library call [`leave`] when the calling thread ends. Destructors of pthread keys run after those of C++
/// and Rust thread locals. The C library runs another round of them where one has set its key again.
fn call_at_end() {
    static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: `key` is a local variable, and the library with `leave` is never unloaded.
        let failed = unsafe { libc::pthread_key_create(&mut key, Some(leave)) } != 0;
        (!failed).then_some(key)
    });
    match *key {
        // SAFETY: the key was created above.
        Some(key) => _ = unsafe { libc::pthread_setspecific(key, dangling::<c_void>()) },
        None => host::fatal("there is no pthread key left to learn of a thread's end with"),
    }
}

/// The calling thread ends. From now on, a thread that gives back a reference to one of its objects merges that object.
/// The first call only asks for another round, so that the program's own destructors come first: they may still give
/// back references.
extern "C" fn leave(_: *mut c_void) {
    // SAFETY: the C library calls this function, which uses no object.
    let merge_queued = || unsafe { merge_queued() };
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

/// Whether the calling thread owns an object; false where the flavour has no owners.
///
/// # Safety
/// `op` is an object.
pub unsafe fn owns(op: *mut PyObject) -> bool {
    // SAFETY: the callee asks what the caller promises, and a free-threaded flavour. Relaxed: where the word is the
    // caller's id, only the caller can change it.
    FLAVOUR.free_threaded && ThisHost::is_this_thread(unsafe { words(op) }.ob_tid.load(Relaxed))
}

/// Gives back a reference on a thread that is not the owner: `_Py_DecRefShared`. A debug flavour names `file` and
/// `line` where it reports a negative count.
///
/// # Safety
/// `op` is an object of which the caller owns a reference, and the flavour is free-threaded; `file` is a C string or
/// NULL.
#[inline]
pub unsafe fn release_shared(op: *mut PyObject, file: *const c_char, line: c_int) {
    // SAFETY: `op` is an object of a free-threaded flavour. For `Dead` that was the last reference, so the object is
    // dying and no other thread has it. For `Owners` nothing was done, and the caller still owns its reference.
    unsafe {
        let outcome = if FLAVOUR.ref_debug {
            protocol::release_shared_checked(words(op))
        } else {
            protocol::release_shared(words(op))
        };
        match outcome {
            Released::Dead => death::dealloc(op),
            Released::Owners => hand_over(op, file, line),
            Released::Negative => negative(op, file, line),
            _ => {}
        }
    }
}

/// Gives back a reference that the owner counted: hands it to the owner through the queue. In a host the host does all
/// of it, because it has the queue.
///
/// # Safety
/// As [`release_shared`].
#[cold]
#[inline(never)]
pub unsafe fn hand_over(op: *mut PyObject, file: *const c_char, line: c_int) {
    // SAFETY: the host's function and `release_shared` ask what the caller promises. A free-threaded host always has
    // that function, so `queue` is called only without an interpreter, right after the mark.
    unsafe {
        // Not the host's `_Py_DecRefShared`: it calls `_Py_DecRefSharedDebug` by name, and the loader may bind that
        // name to this library.
        if let Some(theirs) = host::originals()._Py_DecRefSharedDebug {
            theirs(op, file, line);
        } else if FLAVOUR.ref_debug && type_name::type_word(op) == Some(0xDDDD_DDDD_DDDD_DDDD) {
            // A debug allocator has filled this memory when it was freed.
            negative(op, file, line);
        } else if protocol::mark_queued(words(op)) {
            queue(op);
        } else {
            release_shared(op, file, line);
        }
    }
}

/// Ends the process because of a negative count.
///
/// # Safety
/// `op` may be any pointer; `file` is a C string or NULL.
#[cold]
unsafe fn negative(op: *mut PyObject, file: *const c_char, line: c_int) -> ! {
    let file = if file.is_null() {
        c"_Py_DecRefShared"
    } else {
        // SAFETY: the caller promises a C string.
        unsafe { CStr::from_ptr(file) }
    };
    // SAFETY: the callee takes any pointer.
    unsafe { refcnt::negative(op, file, line) }
}

/// Merges an object whose local word has reached zero, and ends it if it has no references:
/// `_Py_MergeZeroLocalRefcount`.
///
/// # Safety
/// `op` is an object or a dying object that the calling thread owns, and the flavour is free-threaded.
#[inline]
pub unsafe fn merge_zero_local(op: *mut PyObject) {
    // SAFETY: `op` has the words of a free-threaded object. For `Dead` there is no reference left, so no other thread
    // has the object.
    unsafe {
        if protocol::merge_zero_local(words(op)) == Released::Dead {
            death::dealloc(op);
        }
    }
}

/// Hands a reference to the object's owner: `_Py_brc_queue_object`.
///
/// # Safety
/// `op` is an object of which the caller owns a reference and which it has just marked as queued. There is no
/// interpreter.
unsafe fn queue(op: *mut PyObject) {
    if FLAVOUR.ref_debug {
        // The reference still exists. The owner takes it from the total when it merges.
        // SAFETY: there is no interpreter.
        unsafe { ref_total::add(1) };
    }
    // This comes before the object is queued, so that the number never goes below zero. Relaxed: the lock of the queue
    // orders. An owner that does not see the new number yet merges the next time.
    WAITING.fetch_add(1, Relaxed);
    // SAFETY: the caller's reference keeps `op` alive.
    let handed = unsafe { QUEUE.queue(Waiting(op), words(op)) };
    if handed == Handed::Waits {
        return;
    }
    WAITING.fetch_sub(1, Relaxed);
    // SAFETY: for `Back` the caller still owns the reference. For `Dead` it was the last, so no other thread has the
    // object. There is no interpreter.
    unsafe {
        if FLAVOUR.ref_debug {
            ref_total::add(-1);
        }
        match handed {
            Handed::Back => release_shared(op, c"_Py_brc_queue_object".as_ptr(), 0),
            Handed::Dead => death::dealloc(op),
            Handed::Alive | Handed::Waits => {}
        }
    }
}

/// Merges the objects that wait for the calling thread, and ends those without references. Returns how many waited.
///
/// # Safety
/// Destructors may run: afterwards the caller uses only objects that they do not end.
#[inline]
pub unsafe fn merge_queued() -> usize {
    register();
    // Relaxed: as in `queue`.
    if !FLAVOUR.free_threaded || WAITING.load(Relaxed) == 0 {
        return 0;
    }
    let waiting = QUEUE.take(ThisHost::thread_id());
    WAITING.fetch_sub(waiting.len(), Relaxed);
    // Last in, first out: CPython keeps them in a stack.
    for &Waiting(op) in waiting.iter().rev() {
        // SAFETY: the reference in the queue keeps the object alive. The calling thread owns the object or, after a
        // fork, is the heir of its owner. There is no interpreter where an object waits.
        unsafe {
            if FLAVOUR.ref_debug {
                ref_total::add(-1);
            }
            if merge_queue::merge(words(op)) {
                death::dealloc(op);
            }
        }
    }
    waiting.len()
}

/// The locks that are held while the process forks.
struct LockedBuckets(UnsafeCell<Vec<MutexGuard<'static, Vec<Owner<Waiting>>>>>);

// SAFETY: only the thread that forks uses it, and the C library lets one thread fork at a time.
unsafe impl Sync for LockedBuckets {}

static LOCKED: LockedBuckets = LockedBuckets(UnsafeCell::new(Vec::new()));

extern "C" fn before_fork() {
    let held = QUEUE.buckets().iter();
    let held = held.map(|bucket| bucket.lock().unwrap_or_else(PoisonError::into_inner));
    // SAFETY: the C library calls this on the thread that forks, and no other thread uses `LOCKED`.
    unsafe { *LOCKED.0.get() = held.collect() };
}

extern "C" fn in_parent() {
    // SAFETY: the C library calls this on the thread that has forked, in the parent or in the child.
    unsafe { (*LOCKED.0.get()).clear() };
}

/// In the child only this thread is left. The objects that waited for other threads wait for this one now.
extern "C" fn in_child() {
    in_parent();
    register();
    QUEUE.inherit(ThisHost::thread_id());
}
