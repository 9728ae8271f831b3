//! Who refers to whom.

use std::ffi::{c_int, c_void};

use crate::abi::PyObject;
use crate::audit::attachment;
use crate::audit::edges::Edges;
use crate::lifecycle::count;

/// Called with an object, one that it holds, and the argument that was passed along; non-zero stops.
pub type pyrefcore_edge_visitor =
    Option<unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut c_void) -> c_int>;

/// Calls `visit` with each object that shows one of `count` objects, and that one: at most some thousand times, after
/// a look at everything. 0, or -1 where the audit is not attached or there is no memory.
///
/// # Safety
/// `objects` are that many objects, `visit` may be called with `arg`; and as `pyrefcore_snapshot_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_referrers(
    objects: *const *mut PyObject,
    count: usize,
    visit: pyrefcore_edge_visitor,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        let objects: Vec<*mut PyObject> = (0..count).map(|at| *objects.add(at)).collect();
        let pairs = edges().map(|mut edges| edges.referrers(&objects));
        hand_out(pairs, visit, arg)
    }
}

/// Calls `visit` with `object` and each object that it holds: at most some thousand times, after a look at everything. 0,
/// or -1 where the audit is not attached or there is no memory.
///
/// # Safety
/// `visit` may be called with `arg`; and as `pyrefcore_snapshot_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_referents(
    object: *mut PyObject,
    visit: pyrefcore_edge_visitor,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        let pairs = edges().map(|mut edges| edges.referents(object));
        hand_out(pairs, visit, arg)
    }
}

unsafe fn edges() -> Option<Edges> {
    // SAFETY: the caller's promise is the callee's.
    attachment::can_look().then(|| unsafe { Edges::now() })?
}

/// The visitor may run Python code: nothing is being asked any more, and what it is handed is held.
unsafe fn hand_out(
    pairs: Option<Vec<[*mut PyObject; 2]>>,
    visit: pyrefcore_edge_visitor,
    arg: *mut c_void,
) -> c_int {
    let (Some(pairs), Some(visit)) = (pairs, visit) else {
        return -1;
    };
    // SAFETY: nothing has died since these were seen, and then they are held; the visitor is the caller's.
    unsafe {
        for &op in pairs.as_flattened() {
            count::acquire(op);
        }
        let _ = pairs.iter().any(|&[from, to]| visit(from, to, arg) != 0);
        for &op in pairs.as_flattened() {
            count::release(op, c"Py_DecRef");
        }
    }
    0
}
