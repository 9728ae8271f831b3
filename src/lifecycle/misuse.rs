//! What a debug flavour looks at before it believes a pointer. Release flavours believe every pointer,
//! as CPython does.

use std::mem::offset_of;

use crate::abi::{self, FLAVOUR, PyObject, PyTypeObject};
use crate::host;
use crate::watch::live::{self, State};
use crate::watch::type_name;

/// Ends the process, in one line that names the call and the address, where `op` can't be an object.
///
/// # Safety
/// `op` may be anything.
#[inline]
pub unsafe fn check(op: *mut PyObject, call: &str) {
    if FLAVOUR.is_debug() {
        check_address(op, call);
        if host::interpreter().is_none() && live::state(op as usize) != State::Live {
            check_unknown(op, call);
        }
    }
}

/// The same for memory that is about to become an object.
///
/// # Safety
/// `op` may be anything.
#[inline]
pub unsafe fn check_birth(op: *mut PyObject, call: &str) {
    if FLAVOUR.is_debug() {
        check_address(op, call);
        if live::state(op as usize) != State::Live && !type_name::is_readable(op) {
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
        let call = "_Py_Dealloc";
        // SAFETY: any pointer may be checked; afterwards its memory can be read.
        unsafe {
            check(op, call);
            let ob_type = abi::type_of(op);
            if type_name::of(op).is_none()
                && host::read::<usize>(ob_type as usize + offset_of!(PyTypeObject, tp_dealloc))
                    .is_none()
            {
                refuse(op, call, "its type can't be read");
            }
            if (*ob_type).tp_dealloc.is_none() {
                refuse(op, call, "its type's tp_dealloc is NULL");
            }
        }
    }
}

fn check_address(op: *mut PyObject, call: &str) {
    if op.is_null() {
        host::fatal(&format!("{call}(NULL): this call needs an object"));
    }
    if !op.is_aligned() {
        refuse(
            op,
            call,
            "the pointer is misaligned: objects start on 8-byte boundaries",
        );
    }
}

/// A pointer that no birth was seen of: static objects are like that, and wild pointers.
#[cold]
fn check_unknown(op: *mut PyObject, call: &str) {
    if !type_name::is_readable(op) {
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
