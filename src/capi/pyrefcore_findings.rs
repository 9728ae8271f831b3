//! What the audit finds.

use std::ffi::{c_char, c_int};
use std::ptr::{null, null_mut};

use super::pyrefcore_snapshot::pyrefcore_snapshot;
use crate::abi::{Py_ssize_t, PyObject, PyTypeObject};
use crate::audit::finding::{Finding, Kind};
use crate::audit::snapshot::Snapshot;
use crate::audit::{attachment, compare};
use crate::host::reserve;

/// References that nothing explains grow, by the same number in each window.
pub const PYREFCORE_LEAK: c_int = 1;
/// Fewer references are counted than are shown.
pub const PYREFCORE_OVER_RELEASE: c_int = 2;
/// References that nothing explains grow, but not by the same number in each window.
pub const PYREFCORE_UNSTEADY: c_int = 3;
/// Objects grow, by the same number in each window, and something that lives visibly holds them: that is no mistake.
pub const PYREFCORE_GROWTH: c_int = 4;
/// Memory that is no object, and that none holds, grows, by the same in each window. (Memory may be of kind
/// `PYREFCORE_UNSTEADY`, too; or `PYREFCORE_GROWTH`, where objects that grow may hold it.)
pub const PYREFCORE_MEMORY: c_int = 5;

const _: () = assert!(
    Kind::Leak as c_int == PYREFCORE_LEAK
        && Kind::OverRelease as c_int == PYREFCORE_OVER_RELEASE
        && Kind::Unsteady as c_int == PYREFCORE_UNSTEADY
        && Kind::Growth as c_int == PYREFCORE_GROWTH
        && Kind::Memory as c_int == PYREFCORE_MEMORY
);

/// An object that shows what is wrong. If it has not, it may die as soon as other code runs.
#[derive(Debug)]
#[repr(C)]
pub struct pyrefcore_example {
    /// The object.
    pub object: *mut PyObject,
    /// References counted.
    pub refcount: Py_ssize_t,
    /// References explained.
    pub explained: Py_ssize_t,
    /// 1 where it had died, and its memory is held back: nothing but its address is left. Otherwise 0.
    pub died: c_int,
    /// Of memory: the bytes of the block whose address is `object`. Otherwise 0.
    pub bytes: usize,
}

/// Objects that only what was leaked keeps alive.
#[derive(Debug)]
#[repr(C)]
pub struct pyrefcore_folded {
    /// Their type's full name.
    pub type_name: *const c_char,
    /// How many more there are after each window.
    pub objects: Py_ssize_t,
}

/// What is wrong with references to objects of one type, or with memory that is no object. Valid until `pyrefcore_findings_drop`.
#[derive(Debug)]
#[repr(C)]
pub struct pyrefcore_finding {
    /// `PYREFCORE_LEAK`, `PYREFCORE_OVER_RELEASE`, `PYREFCORE_UNSTEADY`, `PYREFCORE_GROWTH` or `PYREFCORE_MEMORY`.
    pub kind: c_int,
    /// The type, or NULL where it has died, or where several types made at run time have the same name: a function that
    /// defines a class makes another one each time. It may die as soon as other code runs.
    pub ob_type: *mut PyTypeObject,
    /// Its full name: `module.Type`, or `Type` where the module is `builtins`. Of memory, the function that hands it out:
    /// `PyObject_Malloc`, `PyMem_Malloc`, `PyMem_RawMalloc`; or `malloc` for all of the C heap that these do not explain.
    pub type_name: *const c_char,
    /// Length of the next two: one less than there were snapshots, 0 where there was one.
    pub windows: usize,
    /// How the number of unexplained references changed in each window.
    pub references: *const Py_ssize_t,
    /// How the number of objects changed in each window.
    pub objects: *const Py_ssize_t,
    /// Length of `examples`, at most 8.
    pub examples_count: usize,
    /// Some of the objects, newest first.
    pub examples: *const pyrefcore_example,
    /// Length of `folded`.
    pub folded_count: usize,
    /// What they keep alive.
    pub folded: *const pyrefcore_folded,
    /// Of memory: how the number of blocks changed in each window. NULL where that is not known, and of all else.
    pub blocks: *const Py_ssize_t,
    /// Of memory: how many bytes were added in each window. Otherwise NULL.
    pub bytes: *const Py_ssize_t,
}

/// What was found, with all that the findings point to.
#[derive(Debug)]
pub struct pyrefcore_findings {
    shown: Vec<pyrefcore_finding>,
    _examples: Vec<Vec<pyrefcore_example>>,
    _folded: Vec<Vec<pyrefcore_folded>>,
    _found: Vec<Finding>,
}

/// What has changed over `count` snapshots, oldest first: findings, the largest first, then those that are unsteady, then
/// growth. Takes another look at everything where something was found. One snapshot shows no change. NULL where there is no
/// memory.
///
/// # Safety
/// `snapshots` are that many, from `pyrefcore_snapshot_take`; and as there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_compare(
    snapshots: *const *const pyrefcore_snapshot,
    count: usize,
) -> *mut pyrefcore_findings {
    // SAFETY: the caller's promise.
    let found = reserve::within(|| unsafe {
        let snapshots: Vec<&Snapshot> = (0..count).map(|at| &(**snapshots.add(at)).0).collect();
        attachment::undisturbed(|| compare::compare(&snapshots)).map(show)
    });
    found.map_or(null_mut(), Box::into_raw)
}

/// Whether nothing has changed from one snapshot to the next: there are as many objects of each type, and as many unexplained
/// references to each object. No finding can come of such a window, nor of more of them. 1, or 0, also where there is no memory.
///
/// # Safety
/// Both came from `pyrefcore_snapshot_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_is_quiet(
    before: *const pyrefcore_snapshot,
    after: *const pyrefcore_snapshot,
) -> c_int {
    // SAFETY: the caller's promise.
    let (before, after) = unsafe { (&(*before).0, &(*after).0) };
    let quiet = reserve::within(|| Some(compare::is_quiet(before, after)));
    quiet.unwrap_or(false).into()
}

/// The objects of one snapshot of which fewer references are counted than are shown, by type. NULL where there is no
/// memory.
///
/// # Safety
/// `snapshot` came from `pyrefcore_snapshot_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_over_released(
    snapshot: *const pyrefcore_snapshot,
) -> *mut pyrefcore_findings {
    // SAFETY: the caller's promise.
    let snapshot = unsafe { &(*snapshot).0 };
    let found = reserve::within(|| Some(show(compare::over_released(snapshot))));
    found.map_or(null_mut(), Box::into_raw)
}

/// The number of findings.
///
/// # Safety
/// `findings` came from `pyrefcore_compare` or `pyrefcore_over_released`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_findings_count(findings: *const pyrefcore_findings) -> usize {
    // SAFETY: the caller's promise.
    let findings = unsafe { &*findings };
    findings.shown.len()
}

/// A finding, or NULL where there are not so many.
///
/// # Safety
/// `findings` came from `pyrefcore_compare` or `pyrefcore_over_released`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_findings_get(
    findings: *const pyrefcore_findings,
    at: usize,
) -> *const pyrefcore_finding {
    // SAFETY: the caller's promise.
    let findings = unsafe { &*findings };
    findings
        .shown
        .get(at)
        .map_or(null(), |found| &raw const *found)
}

/// Forgets findings. NULL is nothing.
///
/// # Safety
/// `findings` is NULL, or came from `pyrefcore_compare` or `pyrefcore_over_released` and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_findings_drop(findings: *mut pyrefcore_findings) {
    if !findings.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(findings) });
    }
}

fn show(found: Vec<Finding>) -> Box<pyrefcore_findings> {
    let mut findings = pyrefcore_findings {
        shown: Vec::new(),
        _examples: Vec::new(),
        _folded: Vec::new(),
        _found: Vec::new(),
    };
    for finding in &found {
        let examples = examples(finding);
        let folded: Vec<pyrefcore_folded> = finding
            .folded
            .iter()
            .map(|folded| pyrefcore_folded {
                type_name: folded.type_name.as_ptr(),
                objects: folded.objects,
            })
            .collect();
        let memory = finding.memory.as_ref();
        findings.shown.push(pyrefcore_finding {
            kind: finding.kind as c_int,
            ob_type: finding.ob_type,
            type_name: finding.type_name.as_ptr(),
            windows: finding.references.len(),
            references: finding.references.as_ptr(),
            objects: finding.objects.as_ptr(),
            examples_count: examples.len(),
            examples: examples.as_ptr(),
            folded_count: folded.len(),
            folded: folded.as_ptr(),
            blocks: numbers(memory.map(|grown| &grown.blocks)),
            bytes: numbers(memory.map(|grown| &grown.bytes)),
        });
        findings._examples.push(examples);
        findings._folded.push(folded);
    }
    // The texts and numbers stay where they are.
    findings._found = found;
    Box::new(findings)
}

fn numbers(of: Option<&Vec<Py_ssize_t>>) -> *const Py_ssize_t {
    of.filter(|of| !of.is_empty())
        .map_or(null(), |of| of.as_ptr())
}

fn examples(finding: &Finding) -> Vec<pyrefcore_example> {
    let objects = finding.examples.iter().map(|example| pyrefcore_example {
        object: example.op,
        refcount: example.refcount,
        explained: example.explained,
        died: example.is_dead.into(),
        bytes: 0,
    });
    let grown = finding.memory.iter().flat_map(|grown| &grown.examples);
    let blocks = grown.map(|block| pyrefcore_example {
        object: block.start as *mut PyObject,
        refcount: 0,
        explained: 0,
        died: 0,
        bytes: block.bytes,
    });
    objects.chain(blocks).collect()
}
