//! The list of all objects (`Py_TRACE_REFS`): a ring up to 3.12, a table later.

use super::refcnt;
use crate::abi::{FLAVOUR, PyObject};
use crate::watch::chain::{self, Broken};
use crate::watch::{failure, refchain};

/// Whether an object that is already in the list may be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Enters the object without a check.
    Force,
    /// Enters the object unless it is in the list.
    IfAbsent,
}

/// Enters an object into the list. Nothing happens without `Py_TRACE_REFS`.
///
/// # Safety
/// `op` is an object. With [`Entry::Force`] it is in no list.
#[inline]
pub unsafe fn add(op: *mut PyObject, entry: Entry) {
    if FLAVOUR.has_links() {
        // SAFETY: the callee asks what the caller promises. In a flavour with links a `PyObject` is a `LinkedObject`.
        unsafe { chain::ALL.add(op.cast(), entry == Entry::Force) }
    } else if FLAVOUR.trace_refs {
        refchain::ALL.add(op);
    }
}

/// Takes an object out of the list. Ends the process where its count is negative, or where it is not in the list.
/// Nothing happens without `Py_TRACE_REFS`.
///
/// # Safety
/// `op` is an object.
#[inline]
pub unsafe fn forget(op: *mut PyObject) {
    if FLAVOUR.has_links() {
        // SAFETY: the callee asks what the caller promises. In a flavour with links a `PyObject` is a `LinkedObject`.
        if let Err(broken) = unsafe { chain::ALL.forget(op.cast()) } {
            refuse(op, broken);
        }
    } else if FLAVOUR.trace_refs {
        // SAFETY: the caller's promise is the callee's.
        if unsafe { refcnt::refcnt(op) } < 0 {
            refuse(op, Broken::Negative);
        }
        if !refchain::ALL.forget(op) {
            refuse(op, Broken::Chain);
        }
    }
}

/// Ends the process with the message of the CPython version.
#[cold]
fn refuse(op: *mut PyObject, broken: Broken) -> ! {
    if FLAVOUR.has_old_messages() {
        let what = if broken == Broken::Negative {
            "negative refcnt"
        } else {
            "invalid object"
        };
        failure::unref_failed(op, &format!("UNREF {what}"));
    }
    let message = match broken {
        Broken::Negative => c"negative refcnt",
        Broken::Chain if FLAVOUR.has_links() => c"invalid object chain",
        Broken::Chain => c"object not found in the objects list",
    };
    let place = c"_Py_ForgetReference";
    // SAFETY: the callee takes any pointer.
    unsafe { failure::assert_failed(op, message, place, 0, place) }
}

/// Calls `visit` with each object in the list until `visit` returns false; up to 3.12 newest first. Objects may be born
/// and die meanwhile.
pub fn visit(mut visit: impl FnMut(*mut PyObject) -> bool) {
    if FLAVOUR.has_links() {
        chain::ALL.visit(|op| visit(op.cast()));
    } else {
        refchain::ALL.visit(visit);
    }
}
