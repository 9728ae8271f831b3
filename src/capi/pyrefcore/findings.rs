//! The findings of the audit.

use std::ffi::{c_char, c_int};
use std::ptr::{null, null_mut};

use super::snapshot::pyrefcore_snapshot;
use crate::abi::{Py_ssize_t, PyObject, PyTypeObject};
use crate::audit::attachment;
use crate::audit::diff::compare;
use crate::audit::diff::finding::{Finding, Kind};
use crate::audit::diff::snapshot::Snapshot;
use crate::host::reserve;

/// The number of unexplained references grows, by the same number in each window.
pub const PYREFCORE_LEAK: c_int = 1;
/// Fewer references are counted than are shown.
pub const PYREFCORE_OVER_RELEASE: c_int = 2;
/// The number of unexplained references grows, but not by the same number in each window.
pub const PYREFCORE_UNSTEADY: c_int = 3;
/// The number of objects grows by the same number in each window, and live objects visibly hold them. This is no
/// mistake.
pub const PYREFCORE_GROWTH: c_int = 4;
/// Memory that is no object, and that no object holds, grows by the same amount in each window. A finding about memory
/// may also be of kind `PYREFCORE_UNSTEADY`, or of kind `PYREFCORE_GROWTH` where objects whose number grows may hold
/// the memory.
pub const PYREFCORE_MEMORY: c_int = 5;

const _: () = assert!(
    Kind::Leak as c_int == PYREFCORE_LEAK
        && Kind::OverRelease as c_int == PYREFCORE_OVER_RELEASE
        && Kind::Unsteady as c_int == PYREFCORE_UNSTEADY
        && Kind::Growth as c_int == PYREFCORE_GROWTH
        && Kind::Memory as c_int == PYREFCORE_MEMORY
);

/// An example of a finding: an object, or a memory block. The object may die as soon as other code runs.
#[derive(Debug)]
#[repr(C)]
pub struct pyrefcore_example {
    /// The object; or the address of the memory block.
    pub object: *mut PyObject,
    /// References counted.
    pub refcount: Py_ssize_t,
    /// References explained.
    pub explained: Py_ssize_t,
    /// 1 where the object had died and its memory is held back: then only its address may be used. Otherwise 0.
    pub died: c_int,
    /// The bytes of the memory block. 0 for an object.
    pub bytes: usize,
}

/// Objects of one type that only leaked objects keep alive.
#[derive(Debug)]
#[repr(C)]
pub struct pyrefcore_folded {
    /// The full name of their type.
    pub type_name: *const c_char,
    /// By how many their number grows in each window.
    pub objects: Py_ssize_t,
}

/// A finding about references to objects of one type, or about memory that is no object. Valid until
/// `pyrefcore_findings_drop`.
#[derive(Debug)]
#[repr(C)]
pub struct pyrefcore_finding {
    /// `PYREFCORE_LEAK`, `PYREFCORE_OVER_RELEASE`, `PYREFCORE_UNSTEADY`, `PYREFCORE_GROWTH` or `PYREFCORE_MEMORY`.
    pub kind: c_int,
    /// The type. NULL where it has died, and where several heap types have this name: a function that defines a class
    /// makes a new type in each call. The type may die as soon as other code runs.
    pub ob_type: *mut PyTypeObject,
    /// The type's full name: `module.Type`, or `Type` where the module is `builtins`. For memory, the function that
    /// handed it out: `PyObject_Malloc`, `PyMem_Malloc` or `PyMem_RawMalloc`; or `malloc` for the rest of the C heap.
    pub type_name: *const c_char,
    /// Length of `references` and `objects`: one less than the number of snapshots.
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
    /// The objects that only the leaked objects keep alive, by type.
    pub folded: *const pyrefcore_folded,
    /// For memory: how the number of blocks changed in each window; NULL where that is not known. Otherwise NULL.
    pub blocks: *const Py_ssize_t,
    /// For memory: how many bytes were added in each window. Otherwise NULL.
    pub bytes: *const Py_ssize_t,
}

/// Findings, and the memory that they point to.
#[derive(Debug)]
pub struct pyrefcore_findings {
    shown: Vec<pyrefcore_finding>,
    _examples: Vec<Vec<pyrefcore_example>>,
    _folded: Vec<Vec<pyrefcore_folded>>,
    _found: Vec<Finding>,
}

/// Compares `count` snapshots, oldest first, and returns findings about what has changed. Leaks, over-releases and
/// growing memory come first, then unsteady findings, then growth of objects; in each of these groups the largest comes
/// first. Where there are findings, it looks at every object once more. One snapshot gives no findings. NULL where
/// there is no memory.
///
/// # Safety
/// `snapshots` points to `count` snapshots from `pyrefcore_snapshot_take`. Also as `pyrefcore_snapshot_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_compare(
    snapshots: *const *const pyrefcore_snapshot,
    count: usize,
) -> *mut pyrefcore_findings {
    // SAFETY: the caller promises valid snapshots, and what the callees ask.
    let found = unsafe {
        reserve::within(|| {
            let snapshots: Vec<&Snapshot> = (0..count).map(|at| &(**snapshots.add(at)).0).collect();
            attachment::undisturbed(|| compare::compare(&snapshots)).map(show)
        })
    };
    found.map_or(null_mut(), Box::into_raw)
}

/// 1 where nothing has changed from one snapshot to the next; 0 otherwise, and where there is no memory. Nothing has
/// changed if each type has as many objects, and each object as many unexplained references. There must also be no more
/// memory that no object holds. Such windows give no findings.
///
/// # Safety
/// Both came from `pyrefcore_snapshot_take`, and were not dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_is_quiet(
    before: *const pyrefcore_snapshot,
    after: *const pyrefcore_snapshot,
) -> c_int {
    // SAFETY: the caller promises valid snapshots, and holds the host's lock.
    let quiet = unsafe {
        let (before, after) = (&(*before).0, &(*after).0);
        reserve::within(|| Some(compare::is_quiet(before, after)))
    };
    quiet.unwrap_or(false).into()
}

/// The objects of one snapshot of which fewer references are counted than are shown, as one finding for each type. NULL
/// where there is no memory.
///
/// # Safety
/// `snapshot` came from `pyrefcore_snapshot_take`, and was not dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_over_released(
    snapshot: *const pyrefcore_snapshot,
) -> *mut pyrefcore_findings {
    // SAFETY: the caller promises a valid snapshot, and holds the host's lock.
    let found = unsafe {
        let snapshot = &(*snapshot).0;
        reserve::within(|| Some(show(compare::over_released(snapshot))))
    };
    found.map_or(null_mut(), Box::into_raw)
}

/// The number of findings.
///
/// # Safety
/// `findings` came from `pyrefcore_compare` or `pyrefcore_over_released`, and was not dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_findings_count(findings: *const pyrefcore_findings) -> usize {
    // SAFETY: the caller promises valid findings.
    let findings = unsafe { &*findings };
    findings.shown.len()
}

/// The finding at index `at`, from 0 on; NULL where there are not so many.
///
/// # Safety
/// `findings` came from `pyrefcore_compare` or `pyrefcore_over_released`, and was not dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_findings_get(
    findings: *const pyrefcore_findings,
    at: usize,
) -> *const pyrefcore_finding {
    // SAFETY: the caller promises valid findings.
    let findings = unsafe { &*findings };
    findings
        .shown
        .get(at)
        .map_or(null(), |found| &raw const *found)
}

/// Frees findings. Nothing happens with NULL.
///
/// # Safety
/// `findings` is NULL, or came from `pyrefcore_compare` or `pyrefcore_over_released`. The caller does not use it, or
/// anything that it points to, afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyrefcore_findings_drop(findings: *mut pyrefcore_findings) {
    if !findings.is_null() {
        // SAFETY: the pointer came from `Box::into_raw`, and the caller does not use it afterwards.
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
    // A move of the vector does not move the texts and numbers that `shown` points to.
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
