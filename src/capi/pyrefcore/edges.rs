//! Edges between objects: referrers and referents.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

use crate::abi::PyObject;
use crate::audit::attachment;
use crate::audit::diff::edges::Edges;
use crate::audit::diff::neighbours::can_be_held;
use crate::host::reserve;
use crate::lifecycle::count;

/// Called with an object, an object that it holds, and the `arg` of the caller. A result other than zero stops the
/// calls.
pub type pyrefcore_edge_visitor =
    Option<unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut c_void) -> c_int>;

/// Calls `visit` for each reference to one of `count` objects, with the object that shows the reference, and the object
/// that it shows. It looks at every object first, and stops after some thousand references. Returns 0, or -1 where the
/// audit is not attached, there is no memory, or `visit` is NULL.
///
/// # Safety
/// `objects` points to `count` objects, and `visit` may be called with `arg`. Also as `pyrefcore_snapshot_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_referrers(
    objects: *const *mut PyObject,
    count: usize,
    visit: pyrefcore_edge_visitor,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: `objects` has `count` objects, and the host's lock is held, as the caller promises. Nothing dies before
    // `hand_out` has its own references.
    unsafe {
        let pairs = reserve::within(|| {
            let objects: Vec<*mut PyObject> = (0..count).map(|at| *objects.add(at)).collect();
            attachment::undisturbed(|| edges().map(|mut edges| edges.referrers(&objects)))
        });
        hand_out(pairs, visit, arg)
    }
}

/// Calls `visit` with `object` and each object that it holds. It looks at every object first, and stops after some
/// thousand references. An `object` that it does not see has none. Returns 0, or -1 where the audit is not attached,
/// there is no memory, or `visit` is NULL.
///
/// # Safety
/// `visit` may be called with `arg`. Also as `pyrefcore_snapshot_take`. `object` may be any pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_referents(
    object: *mut PyObject,
    visit: pyrefcore_edge_visitor,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the host's lock is held, and `visit` may be called, as the caller promises. Nothing dies before
    // `hand_out` has its own references.
    unsafe {
        let pairs = reserve::within(|| {
            attachment::undisturbed(|| edges().map(|mut edges| edges.referents(object)))
        });
        hand_out(pairs, visit, arg)
    }
}

/// An object, and an object that it holds. Either may be NULL.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pyrefcore_edge {
    /// The object that holds the other one.
    pub source: *mut PyObject,
    /// The object that is held.
    pub target: *mut PyObject,
}

/// Finds the referrers and the referents of `count` objects, and adds a reference to every object that it writes to
/// `edges`. First it writes each of the objects alone, as a source without a target; NULL where an object has no
/// reference. Then it writes at most `limit` referrers and `limit` referents of each object. Returns the number of
/// edges written. This is `count` where the audit is not attached or there is no memory. `pyrefcore_edges_drop`
/// releases the references.
///
/// # Safety
/// `objects` points to `count` objects, and `edges` to room for `count * (2 * limit + 1)` edges. Also as
/// `pyrefcore_snapshot_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_neighbours(
    objects: *const *mut PyObject,
    count: usize,
    limit: usize,
    edges: *mut pyrefcore_edge,
) -> usize {
    // SAFETY: `objects` has `count` objects, and `edges` room for all that is written, as the caller promises. The
    // host's lock is held, so nothing dies before it gets its reference.
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

/// Releases the references that `pyrefcore_neighbours` wrote to `count` edges, and sets them to NULL.
///
/// # Safety
/// `edges` points to `count` edges that are NULL or written by `pyrefcore_neighbours`. The host's lock is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_edges_drop(edges: *mut pyrefcore_edge, count: usize) {
    const NONE: pyrefcore_edge = pyrefcore_edge {
        source: null_mut(),
        target: null_mut(),
    };
    for at in 0..count {
        // SAFETY: the caller promises valid edges, and the edge holds a reference to each object. It is emptied before
        // the release, which may run other code. So each reference is released once.
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

/// # Safety
/// The host's lock is held as long as the result is used.
unsafe fn edges() -> Option<Edges> {
    // SAFETY: the caller's promise is the callee's.
    unsafe { attachment::can_look().then(|| Edges::all())? }
}

/// Calls the visitor with each pair. The visitor may run Python code. So the search must be over, and a reference to
/// each object is held meanwhile.
///
/// # Safety
/// No object has died since the pairs were found, the host's lock is held, and `visit` may be called with `arg`.
unsafe fn hand_out(
    pairs: Option<Vec<[*mut PyObject; 2]>>,
    visit: pyrefcore_edge_visitor,
    arg: *mut c_void,
) -> c_int {
    let (Some(pairs), Some(visit)) = (pairs, visit) else {
        return -1;
    };
    // SAFETY: the pairs are objects that have not died. From here on a reference to each is held.
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
