//! The trashcan: puts dying containers aside, so that a long chain of them dies in constant C stack.
//!
//! Up to 3.13 the `tp_dealloc` of a type asks for it, with [`begin`] and [`end`]. From 3.14 on `_Py_Dealloc` does it.
//! In a host this file is not used: the host has its own trashcan.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use super::{death, gc, misuse};
use crate::abi::{self, BiasedCount, FLAVOUR, PyGC_Head, PyObject, destructor};
use crate::host::{self, ThreadWords};
use crate::refcount::biased::protocol;

/// Whether `dealloc` is the `tp_dealloc` of `op`'s type, and not one of a base type: `_PyTrash_cond`.
///
/// # Safety
/// `op` is an object.
#[must_use]
pub unsafe fn is_own(op: *mut PyObject, dealloc: destructor) -> bool {
    // SAFETY: an object's type can be read.
    let own = unsafe { (*abi::type_of(op)).tp_dealloc };
    own.map(|f| f as usize) == dealloc.map(|f| f as usize)
}

/// Opens a `tp_dealloc`. True where the object was put aside: then the `tp_dealloc` must return. NULL stands for an
/// object that must not be put aside.
///
/// # Safety
/// `op` is NULL, or a dying container that is not tracked any more.
#[inline]
pub unsafe fn begin(op: *mut PyObject) -> bool {
    if !op.is_null() {
        // SAFETY: the check takes any pointer.
        unsafe { misuse::check(op, "Py_TRASHCAN_BEGIN") };
    }
    // SAFETY: the caller's promise is the callee's.
    ThreadWords::open_trash() && unsafe { begin_deep(op) }
}

/// [`begin`] where deallocators nest too deep.
///
/// # Safety
/// As [`begin`].
#[inline(never)]
unsafe fn begin_deep(op: *mut PyObject) -> bool {
    let aside = !op.is_null();
    if aside {
        ThreadWords::with(|words| words.trash_depth.set(words.trash_depth.get() - 1));
        // SAFETY: the caller's promise is the callee's.
        unsafe { deposit(op) };
    }
    aside
}

/// Closes a `tp_dealloc`. The outermost one ends the objects that were put aside.
///
/// # Safety
/// Every object put aside is still dying.
#[inline]
pub unsafe fn end() {
    if ThreadWords::close_trash()
        && ThreadWords::with(|words| words.trash_depth.get()) <= ThreadWords::OUTERMOST
    {
        // SAFETY: the caller's promise is the callee's.
        unsafe { destroy_chain() }
    }
}

/// Puts a dying container aside, up to 3.13.
///
/// # Safety
/// `op` is a dying container that is not tracked any more.
#[inline]
pub unsafe fn deposit(op: *mut PyObject) {
    // SAFETY: `op` is dying, and the type of a container has `Py_TPFLAGS_HAVE_GC`. The word is used only here.
    unsafe {
        check_container(op);
        let later = ThreadWords::put_aside(op) as usize;
        if TAGS == 0 {
            *link_of(op) = later;
        } else {
            let word = keep_tags(op);
            // Relaxed: no other thread has the object.
            word.store(word.load(Relaxed) | later, Relaxed);
        }
    }
}

/// Ends the objects that were put aside, up to 3.13.
///
/// # Safety
/// Every object put aside is still dying.
#[inline]
pub unsafe fn destroy_chain() {
    ThreadWords::with(|words| {
        let last = words.trash_later.get();
        if !last.is_null() {
            // SAFETY: the caller's promise is the callee's.
            unsafe { destroy_all(last, words) }
        }
    });
}

/// [`destroy_chain`] where objects were put aside, `op` last. A separate function, so that an empty trashcan costs
/// little.
///
/// # Safety
/// As [`destroy_chain`].
#[inline(never)]
unsafe fn destroy_all(mut op: *mut PyObject, words: &ThreadWords) {
    // Containers that die meanwhile are put aside at the next level, and the loop goes on with them.
    words.trash_depth.set(words.trash_depth.get() + 1);
    loop {
        // SAFETY: the object is still dying. Its own `tp_dealloc` has put it aside, and is called again.
        unsafe {
            take(words, op);
            death::call((*abi::type_of(op)).tp_dealloc.unwrap_unchecked(), op);
        }
        op = words.trash_later.get();
        if op.is_null() {
            break;
        }
    }
    words.trash_depth.set(words.trash_depth.get() - 1);
}

/// The bit of a link that is set where the object was tracked, from 3.14 on.
const TRACKED: usize = 1;

/// Puts a dying container aside, from 3.14 on.
///
/// # Safety
/// `op` is a dying object of a type with `Py_TPFLAGS_HAVE_GC`.
pub unsafe fn put_aside(op: *mut PyObject) {
    // SAFETY: `op` is dying, and its type has the flag. Where `is_gc` says so it is a container.
    unsafe {
        let tracked = gc::is_gc(op) && gc::is_tracked(op);
        if tracked {
            gc::untrack(op);
        }
        let later = ThreadWords::put_aside(op);
        *link_of(op) = later as usize | if tracked { TRACKED } else { 0 };
    }
}

/// Ends the objects that were put aside, from 3.14 on.
///
/// # Safety
/// Every object put aside is still dying.
#[inline]
pub unsafe fn drain() {
    ThreadWords::with(|words| {
        if !words.trash_later.get().is_null() {
            // SAFETY: the caller's promise is the callee's.
            unsafe { drain_all(words) }
        }
    });
}

/// [`drain`] where objects were put aside.
///
/// # Safety
/// As [`drain`].
#[cold]
#[inline(never)]
unsafe fn drain_all(words: &ThreadWords) {
    loop {
        let op = words.trash_later.get();
        if op.is_null() {
            break;
        }
        // SAFETY: `op` is still dying, as the caller promises. It was put aside before its `tp_dealloc` ran, so it is
        // complete.
        unsafe {
            take(words, op);
            death::finish(op);
        }
    }
}

/// Puts a dying container aside, by the rules of the version.
///
/// # Safety
/// As [`deposit`] and [`put_aside`].
pub unsafe fn deposit_by_version(op: *mut PyObject) {
    // SAFETY: `op` is what both functions ask for, as the caller promises.
    unsafe {
        if FLAVOUR.dealloc_puts_aside() {
            put_aside(op)
        } else {
            deposit(op)
        }
    }
}

/// Ends the objects that were put aside, by the rules of the version.
///
/// # Safety
/// Every object put aside is still dying.
pub unsafe fn destroy_by_version() {
    // SAFETY: both functions ask what the caller promises.
    unsafe {
        if FLAVOUR.dealloc_puts_aside() {
            drain()
        } else {
            destroy_chain()
        }
    }
}

/// The bits of a link word that are flags of the collector, and are kept.
const TAGS: usize = if !FLAVOUR.dealloc_puts_aside() && !FLAVOUR.free_threaded {
    PyGC_Head::FLAGS
} else {
    0
};
/// All bits of a link word that are not part of the link.
const NOT_LINK: usize = if FLAVOUR.dealloc_puts_aside() {
    TRACKED
} else {
    TAGS
};

/// The word of a dying container that holds its link.
///
/// # Safety
/// `op` is a dying object whose type has `Py_TPFLAGS_HAVE_GC`.
#[inline]
unsafe fn link_of(op: *mut PyObject) -> *mut usize {
    // SAFETY: the flag says that there is a `PyGC_Head` in front of `op`. A free-threaded object starts with a
    // `BiasedCount`.
    unsafe {
        if FLAVOUR.free_threaded {
            (*op.cast::<BiasedCount>()).ob_tid.as_ptr()
        } else if FLAVOUR.dealloc_puts_aside() {
            &raw mut (*gc::head(op))._gc_next
        } else {
            &raw mut (*gc::head(op))._gc_prev
        }
    }
}

/// Clears all bits of the link word except [`TAGS`], and returns the word. It is an atomic word so that each change of
/// it is one instruction.
///
/// # Safety
/// `op` is a dying object whose type has `Py_TPFLAGS_HAVE_GC`, and outlives the result.
#[inline]
unsafe fn keep_tags<'a>(op: *mut PyObject) -> &'a AtomicUsize {
    // SAFETY: the word is aligned, and belongs to `op`, which outlives the result.
    unsafe {
        let word = AtomicUsize::from_ptr(link_of(op));
        // Relaxed: no other thread has the object.
        word.store(
            if TAGS == 0 {
                0
            } else {
                word.load(Relaxed) & TAGS
            },
            Relaxed,
        );
        word
    }
}

/// Takes `op`, the object that was put aside last, out of the trashcan, and restores its link word.
///
/// # Safety
/// `op` is still dying.
#[inline]
unsafe fn take(words: &ThreadWords, op: *mut PyObject) {
    // SAFETY: only objects whose type has `Py_TPFLAGS_HAVE_GC` are put aside, and `op` is still dying.
    unsafe {
        let link = *link_of(op);
        keep_tags(op);
        words.trash_later.set((link & !NOT_LINK) as *mut PyObject);
        if FLAVOUR.free_threaded {
            // The link has overwritten the owner's id. So the object has no owner now, and its count must be a merged
            // zero.
            let shared = &(*op.cast::<BiasedCount>()).ob_ref_shared;
            // Relaxed: no other thread has the object.
            shared.store(protocol::MERGED, Relaxed);
        }
        if FLAVOUR.dealloc_puts_aside() && link & TRACKED != 0 {
            gc::track(op);
        }
    }
}

/// A debug flavour ends the process where an object without a `PyGC_Head` would get a link.
///
/// # Safety
/// `op` is a dying object.
unsafe fn check_container(op: *mut PyObject) {
    // SAFETY: the check takes any pointer.
    unsafe { misuse::check(op, "Py_TRASHCAN_BEGIN") };
    // SAFETY: an object's type can be read.
    if FLAVOUR.is_debug() && !unsafe { abi::flags_of(op) }.have_gc() {
        host::fatal(&format!(
            "Py_TRASHCAN_BEGIN({op:p}): its type lacks Py_TPFLAGS_HAVE_GC"
        ));
    }
}
