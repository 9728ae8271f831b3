//! The list of all objects (`Py_TRACE_REFS`): a ring up to 3.12, a table later.

use super::count;
use crate::abi::{FLAVOUR, PyObject};
use crate::watch::chain::{self, Broken};
use crate::watch::{failure, refchain};

/// How an object enters the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Without a look whether it is there already.
    Force,
    /// Only where it is not there.
    IfAbsent,
}

/// Enters an object. Nothing happens without `Py_TRACE_REFS`.
///
/// # Safety
/// `op` is an object that stays where it is until it is forgotten; forced, it is in no list.
#[inline]
pub unsafe fn add(op: *mut PyObject, entry: Entry) {
    if FLAVOUR.has_links() {
        // SAFETY: the caller's promise is the callee's; a flavour with links has this layout.
        unsafe { chain::ALL.add(op.cast(), entry == Entry::Force) }
    } else if FLAVOUR.trace_refs {
        refchain::ALL.add(op);
    }
}

/// Takes an object out; ends the process where its count is negative or the list does not hold it.
/// Nothing happens without `Py_TRACE_REFS`.
///
/// # Safety
/// `op` is an object.
#[inline]
pub unsafe fn forget(op: *mut PyObject) {
    if FLAVOUR.has_links() {
        // SAFETY: the caller's promise is the callee's; a flavour with links has this layout.
        if let Err(broken) = unsafe { chain::ALL.forget(op.cast()) } {
            refuse(op, broken);
        }
    } else if FLAVOUR.trace_refs {
        // SAFETY: the caller's promise is the callee's.
        if unsafe { count::refcnt(op) } < 0 {
            refuse(op, Broken::Negative);
        }
        if !refchain::ALL.forget(op) {
            refuse(op, Broken::Chain);
        }
    }
}

/// Ends the process in the version's words.
#[cold]
fn refuse(op: *mut PyObject, broken: Broken) -> ! {
    if FLAVOUR.minor == 8 {
        let what = if broken == Broken::Negative {
            "negative refcnt"
        } else {
            "invalid object"
        };
        failure::unref_failed(op, &format!("UNREF {what}"));
    }
    let message = match (broken, FLAVOUR.minor) {
        (Broken::Negative, _) => c"negative refcnt",
        (Broken::Chain, ..=12) => c"invalid object chain",
        (Broken::Chain, _) => c"object not found in the objects list",
    };
    let place = c"_Py_ForgetReference";
    // SAFETY: any object may be described.
    unsafe { failure::assert_failed(op, message, place, 0, place) }
}

/// Calls `visit` with each object (newest first, up to 3.12) until it returns false. Objects may be born
/// and die meanwhile.
pub fn visit(mut visit: impl FnMut(*mut PyObject) -> bool) {
    if FLAVOUR.has_links() {
        chain::ALL.visit(|op| visit(op.cast()));
    } else {
        refchain::ALL.visit(visit);
    }
}
