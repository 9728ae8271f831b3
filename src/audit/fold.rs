//! Objects of which there are more and more although all references to them are explained: something that was leaked
//! holds them, or they hold each other.

use std::collections::HashSet;

use super::compare::EXAMPLES;
use super::edges::{Closed, Edges};
use super::finding::{Example, Finding, Folded, Kind};
use super::pins;
use super::snapshot::OfType;

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
    let types: HashSet<usize> = kept.iter().map(Kept::place).collect();
    // SAFETY: as above.
    let closed = unsafe { edges.closed(&types) };
    let mut circles = Vec::new();
    for &ob_type in &types {
        // What was there before the first window is not what grows, and pins alone may hold it.
        let is_one =
            |closed: &&Closed| closed.ob_type == ob_type && closed.refcount < pins::REFERENCES;
        let same = closed.iter().filter(is_one);
        let mut same: Vec<&Closed> = same.collect();
        same.sort_by_key(|closed| std::cmp::Reverse(closed.op));
        if let Some(newest) = same.first() {
            // SAFETY: as above.
            let below = unsafe { edges.types_below(newest.op) };
            let is_shown = newest.refcount == newest.explained;
            let width = std::cmp::Reverse(below.len());
            let order = (is_shown, !newest.is_foreign, width, ob_type);
            circles.push((order, same));
        }
    }
    // Of a circle, the part to name is the one that is held without being shown; or one that somebody wrote in C; or else
    // what holds the most.
    circles.sort_by_key(|&(order, _)| order);
    for ((_, _, _, ob_type), same) in circles {
        let place = kept.iter().position(|kept| {
            kept.place() == ob_type && same.len() as isize >= kept.objects.iter().sum()
        });
        let Some(place) = place else { continue };
        let Kept { of_type, objects } = kept.swap_remove(place);
        let unshown = same
            .first()
            .map_or(0, |newest| newest.refcount - newest.explained);
        let mut finding = Finding {
            kind: Kind::Leak,
            ob_type: of_type.ob_type,
            type_name: of_type.name.clone(),
            references: objects.iter().map(|objects| objects * unshown).collect(),
            objects,
            examples: examples(&same),
            folded: Vec::new(),
        };
        // SAFETY: as above.
        unsafe { put_under(&mut finding, &mut kept, &mut edges) };
        findings.push(finding);
    }
}

impl Kept<'_> {
    /// Where the type lies.
    fn place(&self) -> usize {
        self.of_type.ob_type as usize
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
        let is_below = below.contains(&kept.place());
        if is_below {
            finding.folded.push(Folded {
                type_name: kept.of_type.name.clone(),
                objects: kept.objects.last().copied().unwrap_or(0),
            });
        }
        !is_below
    });
}

fn examples(closed: &[&Closed]) -> Vec<Example> {
    let newest = closed.iter().take(EXAMPLES);
    newest
        .map(|closed| Example::without_pins(closed.op, closed.refcount, closed.explained))
        .collect()
}
