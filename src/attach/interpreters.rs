//! The host's interpreters, and whether their threads may run during an audit.

use std::ffi::{CStr, c_void};
use std::iter::successors;
use std::ptr::null_mut;
use std::sync::OnceLock;

use super::originals::{self, Library};
use crate::abi::FLAVOUR;

type Get = unsafe extern "C" fn() -> *mut c_void;
type Next = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

/// From 3.12 on an interpreter may have its own lock. Then its threads may run while another interpreter's lock is
/// held.
const HAVE_LOCKS: bool = FLAVOUR.has_own_locks();

/// The interpreters, newest first.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn all(python: &Library) -> impl Iterator<Item = *mut c_void> {
    // SAFETY: the host's public functions, with the types that its headers give them.
    let (head, next) = unsafe {
        (
            python.function::<Get>(c"PyInterpreterState_Head"),
            python.function::<Next>(c"PyInterpreterState_Next"),
        )
    };
    // SAFETY: as above, with the caller's promise.
    unsafe { chain(head.map_or(null_mut(), |head| head()), next) }
}

/// The address of the calling thread's interpreter; 0 in versions in which all interpreters have one allocator.
///
/// # Safety
/// The lock of that interpreter is held.
pub(super) unsafe fn current() -> usize {
    static GET: OnceLock<Option<Get>> = OnceLock::new();
    if !HAVE_LOCKS {
        return 0;
    }
    // SAFETY: the host's public function, with the type that its headers give it. The caller holds the lock, and so is
    // on a thread of an interpreter.
    unsafe {
        GET.get_or_init(|| originals::python()?.function::<Get>(c"PyInterpreterState_Get"))
            .map_or(0, |get| get() as usize)
    }
}

/// An error if another thread may count references or end objects during an audit. A waiting thread is refused as well:
/// it may go on at any time.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn alone() -> Result<(), &'static CStr> {
    const UNKNOWN: &CStr = c"this CPython does not show which threads it has";
    if !HAVE_LOCKS {
        return Ok(());
    }
    let python = originals::python().ok_or(UNKNOWN)?;
    // SAFETY: the host's public functions, with the types that its headers give them; the lock is held.
    unsafe {
        let main = python
            .function::<Get>(c"PyInterpreterState_Main")
            .ok_or(UNKNOWN)?();
        let head = python
            .function::<Next>(c"PyInterpreterState_ThreadHead")
            .ok_or(UNKNOWN)?;
        let next = python.function::<Next>(c"PyThreadState_Next");
        if current() != main as usize {
            return Err(c"this is a sub-interpreter, and from Python 3.12 on threads of other interpreters may run during a snapshot; check in the main interpreter");
        }
        let threads = |one| chain(head(one), next).count();
        if FLAVOUR.free_threaded && threads(main) != 1 {
            return Err(c"on a free-threaded Python the audit works only while one thread runs, and there are more");
        }
        if all(python).any(|one| one != main && threads(one) > 0) {
            return Err(if FLAVOUR.hides_idle_interpreters() {
                // Python 3.12 leaves a thread state in each interpreter, and hides which of them run.
                c"there is another interpreter, and Python 3.12 does not say whether it is idle; destroy it first"
            } else {
                c"another interpreter has threads, and from Python 3.12 on they may run during a snapshot"
            });
        }
    }
    Ok(())
}

/// The elements of one of the host's lists.
///
/// # Safety
/// `first` is an element or NULL, and `next` is the function of that list. The host's lock is held as long as the
/// result is used.
unsafe fn chain(first: *mut c_void, next: Option<Next>) -> impl Iterator<Item = *mut c_void> {
    let some = |one: *mut c_void| (!one.is_null()).then_some(one);
    // SAFETY: `one` is an element of the list, and `next` is its function, as the caller promises.
    successors(some(first), move |&one| some(unsafe { next?(one) }))
}
