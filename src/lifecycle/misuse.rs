//! What a debug flavour looks at before it believes a pointer. Release flavours believe every pointer,
//! as CPython does.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::abi::{self, FLAVOUR, PyObject, PyTypeObject, TypeFlags};
use crate::host;
use crate::watch::live::{self, State};
use crate::watch::{events, type_name};

/// Whether this flavour looks, and can: before it is known whose objects these are it can't.
#[inline]
fn looks() -> bool {
    FLAVOUR.is_debug() && !host::is_awaited()
}

/// Ends the process, in one line that names the call and the address, where `op` can't be an object.
///
/// # Safety
/// `op` may be anything.
#[inline]
pub unsafe fn check(op: *mut PyObject, call: &str) {
    if looks() {
        check_address(op, call);
        if !host::has_interpreter()
            && !matches!(live::state(op as usize), State::Live | State::Dying)
        {
            check_unknown(op, call);
        }
    }
}

/// The same for memory that is about to become an object, and whose type has been set.
///
/// # Safety
/// `op` may be anything.
#[inline]
pub unsafe fn check_birth(op: *mut PyObject, call: &str) {
    if looks() {
        check_address(op, call);
        if !is_readable(op as usize, size_of::<PyObject>()) {
            refuse(op, call, "there is no readable memory");
        }
        // SAFETY: the memory can be read, and a type word may be anything.
        check_type(unsafe { abi::type_of(op) }, op, call);
    }
}

/// The same for memory that is about to become an object of `ob_type`. NULL stands for no memory.
///
/// # Safety
/// `op` and `ob_type` may be anything.
#[inline]
pub unsafe fn check_init(op: *mut PyObject, ob_type: *mut PyTypeObject, call: &str) {
    if looks() && !op.is_null() {
        check_address(op, call);
        check_type(ob_type, op, call);
        if !is_readable(op as usize, size_of::<PyObject>()) {
            refuse(op, call, "there is no readable memory");
        }
    }
}

/// The same for an object that is about to die, whose type must be able to end it.
///
/// # Safety
/// `op` may be anything.
#[inline]
pub unsafe fn check_death(op: *mut PyObject) {
    if FLAVOUR.is_debug() {
        if host::is_awaited() {
            // A library that waits for an interpreter looks for it now, and ends the process where it is of another flavour.
            // SAFETY: the one tracer that there is does not look at the object.
            unsafe { events::destroyed(op) };
        }
        let call = "_Py_Dealloc";
        // SAFETY: any pointer may be checked; afterwards its memory, and then its type's, can be read.
        unsafe {
            check(op, call);
            let ob_type = abi::type_of(op);
            check_type(ob_type, op, call);
            if (*ob_type).tp_dealloc.is_none() {
                refuse(op, call, "its type's tp_dealloc is NULL");
            }
        }
    }
}

/// Ends the process where `ob_type`, the type of `op`, can't be a type.
pub fn check_type(ob_type: *mut PyTypeObject, op: *mut PyObject, call: &str) {
    let readable =
        || ob_type.is_aligned() && is_readable(ob_type as usize, size_of::<PyTypeObject>());
    if looks() && !readable() {
        refuse(op, call, "its type can't be read");
    }
}

/// Whether memory can be read. The kernel is asked once for each page: what has been there is believed to
/// stay.
fn is_readable(address: usize, bytes: usize) -> bool {
    const PAGE: usize = 4096;
    static KNOWN: [AtomicUsize; 256] = [const { AtomicUsize::new(0) }; 256];
    let Some(last) = address.checked_add(bytes - 1) else {
        return false;
    };
    (address / PAGE..=last / PAGE).all(|page| {
        // Relaxed here and below: a page that was not seen yet is looked at again.
        let known = &KNOWN[page % KNOWN.len()];
        if known.load(Ordering::Relaxed) == page && page != 0 {
            return true;
        }
        let readable = host::read::<u8>(address.max(page * PAGE)).is_some();
        if readable {
            known.store(page, Ordering::Relaxed);
        }
        readable
    })
}

/// Ends the process where an instance is asked for in the wrong way: a container as if it were none, or the other
/// way round.
///
/// # Safety
/// `ob_type` may be anything.
pub unsafe fn check_allocation(ob_type: *mut PyTypeObject, container: bool, call: &str) {
    if looks() {
        check_type(ob_type, null_mut(), call);
        // SAFETY: the type has been found readable.
        let have_gc = TypeFlags(unsafe { (*ob_type).tp_flags }).have_gc();
        if have_gc != container {
            let has = if have_gc { "has" } else { "lacks" };
            host::fatal(&format!(
                "{call}({ob_type:p}): the type {has} Py_TPFLAGS_HAVE_GC"
            ));
        }
    }
}

fn check_address(op: *mut PyObject, call: &str) {
    if op.is_null() {
        refuse_null(call);
    }
    if !op.is_aligned() {
        refuse(
            op,
            call,
            "the pointer is misaligned: objects start on 8-byte boundaries",
        );
    }
}

#[cold]
#[inline(never)]
fn refuse_null(call: &str) -> ! {
    host::fatal(&format!("{call}(NULL): this call needs an object"))
}

/// A pointer that no birth was seen of: static objects are like that, and wild pointers.
#[cold]
fn check_unknown(op: *mut PyObject, call: &str) {
    if !is_readable(op as usize, size_of::<PyObject>()) {
        refuse(op, call, "there is no readable memory");
    }
    if live::state(op as usize) == State::Dead {
        refuse(op, call, "the object is already dead");
    }
}

#[cold]
fn refuse(op: *mut PyObject, call: &str, reason: &str) -> ! {
    let of_type = match type_name::of(op) {
        Some(name) => format!(" of type '{name}'"),
        None => String::new(),
    };
    host::fatal(&format!("{call}({op:p}{of_type}): {reason}"))
}
