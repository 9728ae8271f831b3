//! Objects of which there are more and more although all references to them are explained: something that was leaked
//! holds them, or they hold each other.

use std::collections::HashSet;

use super::compare::EXAMPLES;
use super::edges::{Closed, Edges};
use super::finding::{Example, Finding, Folded, Kind};
use super::pins;
use super::snapshot::OfType;
use crate::abi::PyTypeObject;

/// A type with the same growth in every window, and no finding of its own.
#[derive(Clone, Debug)]
pub(super) struct Kept<'a> {
    pub(super) of_type: &'a OfType,
    /// The change of the number of objects in each window.
    pub(super) objects: Vec<isize>,
}

/// Puts them under the leak that holds them, or makes a finding of those that nobody can reach.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn fold(findings: &mut Vec<Finding>, mut kept: Vec<Kept>) {
    if kept.is_empty() {
        return;
    }
    // SAFETY: the caller's promise is the callee's.
    let Some(mut edges) = (unsafe { Edges::now() }) else {
        return;
    };
    let leaks = findings
        .iter_mut()
        .filter(|finding| finding.kind == Kind::Leak);
    for finding in leaks {
        // SAFETY: nothing has died since the edges were drawn.
        unsafe { put_under(finding, &mut kept, &mut edges) };
    }
    let types = kept
        .iter()
        .map(|kept| kept.of_type.ob_type as usize)
        .collect();
    // SAFETY: as above.
    let mut closed = unsafe { edges.closed(&types) };
    // Of a circle, the part that somebody wrote in C is the one to name.
    closed.sort_by_key(|closed| (!closed.is_foreign, std::cmp::Reverse(closed.op)));
    for at in 0..closed.len() {
        let Closed { ob_type, .. } = closed[at];
        let Some(place) = kept
            .iter()
            .position(|kept| kept.of_type.ob_type as usize == ob_type)
        else {
            continue;
        };
        let grown: isize = kept[place].objects.iter().sum();
        let same: Vec<&Closed> = closed
            .iter()
            .filter(|other| other.ob_type == ob_type)
            .collect();
        if (same.len() as isize) < grown {
            continue;
        }
        let Kept { of_type, objects } = kept.swap_remove(place);
        let mut finding = Finding {
            kind: Kind::Leak,
            ob_type: ob_type as *mut PyTypeObject,
            type_name: of_type.name.clone(),
            references: vec![0; objects.len()],
            objects,
            examples: examples(&same),
            folded: Vec::new(),
        };
        // SAFETY: as above.
        unsafe { put_under(&mut finding, &mut kept, &mut edges) };
        findings.push(finding);
    }
}

/// # Safety
/// Nothing has died since the edges were drawn.
unsafe fn put_under(finding: &mut Finding, kept: &mut Vec<Kept>, edges: &mut Edges) {
    let Some(root) = finding.examples.first() else {
        return;
    };
    // SAFETY: the caller's promise is the callee's.
    let below: HashSet<usize> = unsafe { edges.types_below(root.op) };
    kept.retain(|kept| {
        let is_below = below.contains(&(kept.of_type.ob_type as usize));
        if is_below {
            finding.folded.push(Folded {
                type_name: kept.of_type.name.clone(),
                objects: kept.objects.last().copied().unwrap_or(0),
            });
        }
        !is_below
    });
}

/// Objects that hold each other have as many references as are explained.
fn examples(closed: &[&Closed]) -> Vec<Example> {
    closed
        .iter()
        .take(EXAMPLES)
        .map(|closed| {
            let pins = pins::of(closed.op);
            Example {
                op: closed.op,
                refcount: closed.refcount - pins,
                explained: closed.refcount - pins,
            }
        })
        .collect()
}
