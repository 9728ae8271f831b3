//! Tests of whole object lives, in the flavour that was built, with types made here.

use std::cell::Cell;
use std::ptr::{null_mut, with_exposed_provenance_mut};
use std::sync::Once;

use super::birth::{self, Total};
use super::finalizer::{self, Fate};
use super::{containers, count, death, gc, merge, refcnt, trashcan};
use crate::abi::{self, FLAVOUR, PyObject, PyTypeObject, TypeFlags};
use crate::host::ThisHost;
use crate::watch::live::{self, State};
use crate::watch::ref_total;
use crate::watch::watchers::{self, Watcher};

/// Switches the live table on in a debug flavour, as the library does when it is loaded.
fn load() {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| {
        // SAFETY: every test calls this before it has an object, so no thread has one yet.
        assert!(!FLAVOUR.is_debug() || unsafe { watchers::set(Watcher::Live, true) });
    });
}

/// A new type for one test.
fn make_type(flags: u64, dealloc: unsafe extern "C" fn(*mut PyObject)) -> *mut PyTypeObject {
    load();
    // SAFETY: all zeroes are a valid value of every field. The fields that are used are set below.
    let mut ob_type: Box<PyTypeObject> = Box::new(unsafe { std::mem::zeroed() });
    ob_type.tp_name = c"tests.Thing".as_ptr();
    ob_type.tp_basicsize = size_of::<Thing>() as isize;
    ob_type.tp_flags = flags;
    ob_type.tp_dealloc = Some(dealloc);
    let ob_type = Box::leak(ob_type);
    let head: *mut PyObject = (&raw mut *ob_type).cast();
    // SAFETY: the type's memory is never freed, and no other thread uses it.
    unsafe { refcnt::set_refcnt(head, 1) };
    ob_type
}

#[repr(C)]
struct Thing {
    head: PyObject,
    next: *mut PyObject,
}

thread_local! {
    static DEATHS: Cell<usize> = const { Cell::new(0) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static DEEPEST: Cell<usize> = const { Cell::new(0) };
}

unsafe extern "C" fn plain_dealloc(op: *mut PyObject) {
    DEATHS.set(DEATHS.get() + 1);
    // SAFETY: every `Thing` here came from `allocation::allocate`.
    unsafe { super::allocation::free(op.cast()) }
}

unsafe fn new(ob_type: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller passes a type that its test has made, and the block has the size of an instance.
    unsafe {
        let block = super::allocation::allocate(birth::size_of_instance(ob_type, 0));
        birth::init(block.cast(), ob_type)
    }
}

#[test]
fn the_last_reference_ends_the_object() {
    // SAFETY: the object is of a type made here, and is not used after its death.
    unsafe {
        let op = new(make_type(0, plain_dealloc));
        assert_eq!(refcnt::refcnt(op), 1);
        count::acquire(op);
        count::release(op, c"test");
        assert_eq!((refcnt::refcnt(op), DEATHS.get()), (1, 0));
        count::release(op, c"test");
        assert_eq!(DEATHS.get(), 1);
    }
}

#[test]
fn a_heap_type_gains_a_reference_for_each_instance() {
    // SAFETY: the objects are of types made here, and are not used after their deaths.
    unsafe {
        for (flags, before_3_13) in [(TypeFlags::HEAPTYPE, 2), (0, 1)] {
            let ob_type = make_type(flags, plain_dealloc);
            let op = new(ob_type);
            let expected = if FLAVOUR.counts_static_types() {
                2
            } else {
                before_3_13
            };
            assert_eq!(refcnt::refcnt(ob_type.cast()), expected);
            count::release(op, c"test");
        }
    }
}

#[test]
fn an_immortal_never_dies() {
    // SAFETY: the object is of a type made here, and is not used after its death.
    unsafe {
        let op = new(make_type(0, plain_dealloc));
        refcnt::immortalise(op);
        assert_eq!(refcnt::is_immortal(op), FLAVOUR.has_immortals());
        if refcnt::is_immortal(op) {
            let before = refcnt::refcnt(op);
            for _ in 0..10 {
                count::release(op, c"test");
            }
            assert_eq!((refcnt::refcnt(op), DEATHS.get()), (before, 0));
            // A birth in the memory of an immortal object makes a mortal object.
            super::all_objects::forget(op);
            birth::new_reference(op, Total::Counted);
            assert_eq!(refcnt::refcnt(op), 1);
        }
        count::release(op, c"test");
        assert_eq!(DEATHS.get(), 1);
    }
}

/// Ends one link of a chain, and so releases the next link.
unsafe extern "C" fn chain_dealloc(op: *mut PyObject) {
    DEPTH.set(DEPTH.get() + 1);
    DEEPEST.set(DEEPEST.get().max(DEPTH.get()));
    // SAFETY: every link came from `containers::new`, and is dying here.
    unsafe {
        gc::untrack(op);
        if FLAVOUR.dealloc_puts_aside() || !trashcan::begin(op) {
            DEATHS.set(DEATHS.get() + 1);
            let next = (*op.cast::<Thing>()).next;
            if !next.is_null() {
                count::release(next, c"test");
            }
            containers::delete(op);
            if !FLAVOUR.dealloc_puts_aside() {
                trashcan::end();
            }
        }
    }
    DEPTH.set(DEPTH.get() - 1);
}

#[test]
fn a_long_chain_dies_in_constant_stack() {
    const LENGTH: usize = 200_000;
    let run = || {
        let ob_type = make_type(TypeFlags::HAVE_GC, chain_dealloc);
        let mut head = null_mut();
        for _ in 0..LENGTH {
            // SAFETY: the type is a container's, and the link is one of its instances.
            unsafe {
                let op = containers::new(ob_type);
                (*op.cast::<Thing>()).next = head;
                gc::track(op);
                head = op;
            }
        }
        // SAFETY: the test owns the only reference to the chain's head.
        unsafe { count::release(head, c"test") };
        (DEATHS.get(), DEEPEST.get())
    };
    // CPython 3.13 itself puts the first object aside at ten thousand levels, so 3.13 gets a large stack.
    let size = match FLAVOUR.minor {
        13 => 64 << 20,
        _ => 512 << 10,
    };
    let thread = std::thread::Builder::new().stack_size(size);
    let (deaths, deepest) = thread
        .spawn(run)
        .expect("a thread")
        .join()
        .expect("the stack sufficed");
    assert_eq!(deaths, LENGTH);
    assert!(deepest < LENGTH / 10, "{deepest} levels deep");
}

#[test]
fn objects_put_aside_end_when_there_is_room() {
    if !FLAVOUR.dealloc_puts_aside() {
        return;
    }
    // SAFETY: the objects are of a type made here, and are not used after their deaths.
    unsafe {
        let ob_type = make_type(TypeFlags::HAVE_GC, chain_dealloc);
        let [first, second] = [containers::new(ob_type), containers::new(ob_type)];
        gc::track(first);
        ThisHost::set_stack_margin(1);
        count::release(first, c"test");
        assert_eq!(DEATHS.get(), 0, "put aside");
        ThisHost::set_stack_margin(4);
        count::release(second, c"test");
        assert_eq!(DEATHS.get(), 2);
    }
}

thread_local! {
    static SAVED: Cell<*mut PyObject> = const { Cell::new(null_mut()) };
}

unsafe extern "C" fn save(op: *mut PyObject) {
    // SAFETY: a finalizer is called with an object that has a reference.
    unsafe { count::acquire(op) };
    SAVED.set(op);
}

unsafe extern "C" fn finalizing_dealloc(op: *mut PyObject) {
    // SAFETY: a `tp_dealloc` is called with a dying object.
    unsafe {
        if finalizer::call_from_dealloc(op) == Fate::Dies {
            plain_dealloc(op);
        }
    }
}

#[test]
fn a_thread_registers_once() {
    let thread = std::thread::spawn(|| {
        merge::register();
        merge::unknown()
    });
    assert_eq!(thread.join().expect("no panic"), 0);
}

#[test]
fn a_finalizer_can_resurrect() {
    // SAFETY: the object is of a type made here, and is not used after its death. Only this test uses the type.
    unsafe {
        let ob_type = make_type(0, finalizing_dealloc);
        (*ob_type).tp_finalize = Some(save);
        let total = ref_total::global();
        let op = new(ob_type);
        count::release(op, c"test");
        assert_eq!((SAVED.get(), refcnt::refcnt(op), DEATHS.get()), (op, 1, 0));
        if FLAVOUR.ref_debug {
            assert!(ref_total::global() >= total, "its one reference is counted");
        }
        (*ob_type).tp_finalize = None;
        count::release(op, c"test");
        assert_eq!(DEATHS.get(), 1);
    }
}

#[test]
#[should_panic(expected = "gave up")]
fn a_negative_count_gives_up() {
    // SAFETY: the type is made here, and `refcnt::negative` takes any pointer.
    unsafe {
        let op = new(make_type(0, plain_dealloc));
        refcnt::negative(op, c"here.c", 42);
    }
}

#[test]
fn a_debug_flavour_knows_wild_pointers() {
    if !FLAVOUR.is_debug() {
        return;
    }
    load();
    for address in [0, 0x1001, 0x1000, usize::MAX - 7] {
        let wild: *mut PyObject = with_exposed_provenance_mut(address);
        // SAFETY: the check takes any pointer.
        let checked = std::panic::catch_unwind(|| unsafe { super::misuse::check(wild, "test") });
        assert!(checked.is_err(), "{address:#x}");
    }
}

#[test]
fn a_debug_flavour_remembers_the_dead() {
    if !FLAVOUR.is_debug() {
        return;
    }
    // SAFETY: after the object's death only its address is used.
    unsafe {
        let op = new(make_type(0, plain_dealloc));
        live::born(op);
        assert_eq!(live::state(op as usize), State::Live);
        super::misuse::check(op, "test");
        let outer = live::dying(op);
        super::misuse::check(op, "test");
        live::bury(op, outer);
        let checked = std::panic::catch_unwind(|| super::misuse::check(op, "test"));
        assert!(checked.is_err());
        assert_eq!(abi::presize(op), 0);
        live::born(op);
        death::dealloc(op);
        assert_eq!(live::state(op as usize), State::Dead);
    }
}
