//! Who refers to whom.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

use crate::abi::PyObject;
use crate::audit::attachment;
use crate::audit::edges::Edges;
use crate::audit::neighbours::can_be_held;
use crate::host::reserve;
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
        let pairs = reserve::within(|| {
            let objects: Vec<*mut PyObject> = (0..count).map(|at| *objects.add(at)).collect();
            attachment::undisturbed(|| edges().map(|mut edges| edges.referrers(&objects)))
        });
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
        let pairs = reserve::within(|| {
            attachment::undisturbed(|| edges().map(|mut edges| edges.referents(object)))
        });
        hand_out(pairs, visit, arg)
    }
}

/// An object, and one that it holds. NULL stands where there is none.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pyrefcore_edge {
    /// The one that holds.
    pub source: *mut PyObject,
    /// The one that is held.
    pub target: *mut PyObject,
}

/// Holds `count` objects, looks who shows them and what they hold, and holds these too. `edges` has room for
/// `count * (2 * limit + 1)`: first each of the objects alone, as a source; then at most `limit` of its referrers and as many
/// of its referents. How many there are; only the first `count` where the audit is not attached or there is no memory.
/// `pyrefcore_edges_drop` releases them. An object that has no reference is not held, and its place is NULL.
///
/// # Safety
/// `objects` are that many objects, `edges` has that room; and as `pyrefcore_snapshot_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_neighbours(
    objects: *const *mut PyObject,
    count: usize,
    limit: usize,
    edges: *mut pyrefcore_edge,
) -> usize {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        let objects: Vec<*mut PyObject> = (0..count).map(|at| *objects.add(at)).collect();
        let found = attachment::undisturbed(|| {
            self::edges().map(|mut edges| edges.neighbours(&objects, limit))
        });
        let alone = objects.iter().map(|&op| match can_be_held(op) {
            true => [op, null_mut()],
            false => [null_mut(), null_mut()],
        });
        let mut written = 0;
        for [source, target] in alone.chain(found.unwrap_or_default()) {
            for op in [source, target] {
                if !op.is_null() {
                    count::acquire(op);
                }
            }
            edges.add(written).write(pyrefcore_edge { source, target });
            written += 1;
        }
        written
    }
}

/// Releases what `pyrefcore_neighbours` holds in `count` edges, and empties them.
///
/// # Safety
/// `edges` are that many, empty or written by `pyrefcore_neighbours`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_edges_drop(edges: *mut pyrefcore_edge, count: usize) {
    const NONE: pyrefcore_edge = pyrefcore_edge {
        source: null_mut(),
        target: null_mut(),
    };
    for at in 0..count {
        // SAFETY: the caller's promise; each reference is released once, even if code of the program runs.
        unsafe {
            let edge = edges.add(at).replace(NONE);
            for op in [edge.source, edge.target] {
                if !op.is_null() {
                    count::release(op, c"Py_DecRef");
                }
            }
        }
    }
}

unsafe fn edges() -> Option<Edges> {
    // SAFETY: the caller's promise is the callee's.
    attachment::can_look().then(|| unsafe { Edges::all() })?
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
        let mut pairs = pairs;
        pairs.retain(|&[from, to]| can_be_held(from) && can_be_held(to));
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
