//! Checks of pointers, in debug flavours. Release flavours trust every pointer, as CPython does.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::abi::{self, FLAVOUR, PyObject, PyTypeObject, TypeFlags};
use crate::host;
use crate::watch::live::{self, State};
use crate::watch::{events, type_name};

/// Whether pointers are checked. As long as an interpreter may still come, it is not known how objects lie in memory,
/// and no check is possible.
#[inline]
fn looks() -> bool {
    FLAVOUR.is_debug() && !host::is_awaited()
}

/// Ends the process where `op` can't be an object. The message is one line with the call and the address.
///
/// # Safety
/// `op` may be any pointer.
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

/// Ends the process where a birth at `op` is not possible: `op` must be memory with a type word that points to a type.
///
/// # Safety
/// `op` may be any pointer.
#[inline]
pub unsafe fn check_birth(op: *mut PyObject, call: &str) {
    if looks() {
        check_address(op, call);
        if !is_readable(op as usize, size_of::<PyObject>()) {
            refuse(op, call, "there is no readable memory");
        }
        // SAFETY: the memory is aligned and readable, and any type word is a valid pointer value.
        check_type(unsafe { abi::type_of(op) }, op, call);
    }
}

/// Ends the process where an object of `ob_type` can't be made at `op`. NULL stands for an allocation that failed.
///
/// # Safety
/// `op` and `ob_type` may be any pointers.
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

/// Ends the process where `op` can't be an object that is about to die: its type must also have a `tp_dealloc`.
///
/// # Safety
/// `op` may be any pointer.
#[inline]
pub unsafe fn check_death(op: *mut PyObject) {
    if FLAVOUR.is_debug() {
        if host::is_awaited() {
            // While the library waits for an interpreter, its tracer looks for that interpreter now. It ends the
            // process where the flavours differ.
            // SAFETY: at this time there is one tracer, and it does not read the object.
            unsafe { events::destroyed(op) };
        }
        let call = "_Py_Dealloc";
        // SAFETY: the check takes any pointer. After the checks the object, and then its type, can be read.
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

/// Whether memory can be read. It asks the kernel once for each page, and then assumes that the page stays readable.
fn is_readable(address: usize, bytes: usize) -> bool {
    const PAGE: usize = 4096;
    static KNOWN: [AtomicUsize; 256] = [const { AtomicUsize::new(0) }; 256];
    let Some(last) = address.checked_add(bytes - 1) else {
        return false;
    };
    (address / PAGE..=last / PAGE).all(|page| {
        // Relaxed, here and below: a thread that does not see another's entry only asks the kernel again.
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

/// Ends the process where the wrong function allocates an instance: a container's for another type, or the other way
/// round.
///
/// # Safety
/// `ob_type` may be any pointer.
pub unsafe fn check_allocation(ob_type: *mut PyTypeObject, container: bool, call: &str) {
    if looks() {
        check_type(ob_type, null_mut(), call);
        // SAFETY: `check_type` has ended the process where the type can't be read.
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

/// Checks a pointer at which the live table knows no live object: a static object, a dead one, or a wild pointer.
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
