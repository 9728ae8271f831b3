//! Objects of which there are more and more although all references to them are explained: something that was leaked
//! holds them, or they hold each other.

use std::collections::{HashMap, HashSet};

use super::edges::{Closed, Edges};
use super::finding::{Finding, Folded, Kind};
use super::pins;
use super::snapshot::OfType;

/// Objects that are looked at, below all findings together.
const LIMIT: usize = 1 << 20;

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
    let mut leaks: Vec<&mut Finding> = findings
        .iter_mut()
        .filter(|finding| finding.kind == Kind::Leak)
        .collect();
    // What grows is rather below many new objects than below an old one that has references too many.
    leaks.sort_by_key(|finding| std::cmp::Reverse(finding.examples.len()));
    let limit = LIMIT / leaks.len().max(1);
    for finding in &mut leaks {
        let share = [1, finding.references.len() as isize];
        // SAFETY: nothing has died since the edges were drawn.
        unsafe { put_under(finding, share, &mut kept, &mut edges, limit) };
    }
    // SAFETY: as above.
    let mut circles = unsafe { circles(&mut kept, &mut edges) };
    for finding in leaks.into_iter().chain(&mut circles) {
        // SAFETY: as above.
        unsafe { put_rest_under(finding, &mut kept, &mut edges) };
    }
    findings.append(&mut circles);
}

/// Makes findings of what nobody can reach.
///
/// # Safety
/// Nothing has died since the edges were drawn.
unsafe fn circles(kept: &mut Vec<Kept>, edges: &mut Edges) -> Vec<Finding> {
    let types: HashSet<usize> = kept.iter().map(Kept::place).collect();
    // SAFETY: the caller's promise, here and below.
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
    let limit = LIMIT / circles.len().max(1);
    let (mut findings, mut folded) = (Vec::new(), HashSet::new());
    for ((_, _, _, ob_type), mut same) in circles {
        same.retain(|closed| !folded.contains(&(closed.op as usize)));
        let place = kept.iter().position(|kept| {
            kept.place() == ob_type && same.len() as isize >= kept.objects.iter().sum()
        });
        let Some(place) = place else { continue };
        let Kept { of_type, objects } = kept.swap_remove(place);
        let unshown = same
            .first()
            .map_or(0, |newest| newest.refcount - newest.explained);
        let share = [objects.last().copied().unwrap_or(0), same.len() as isize];
        let mut finding = Finding {
            kind: Kind::Leak,
            ob_type: of_type.ob_type,
            type_name: of_type.name.clone(),
            references: objects.iter().map(|objects| objects * unshown).collect(),
            objects,
            examples: same.iter().map(|closed| closed.example()).collect(),
            folded: Vec::new(),
        };
        // SAFETY: as above.
        folded.extend(unsafe { put_under(&mut finding, share, kept, edges, limit) });
        findings.push(finding);
    }
    findings
}

impl Kept<'_> {
    /// Where the type lies.
    fn place(&self) -> usize {
        self.of_type.ob_type as usize
    }

    /// Puts at most so many objects of each window under a finding. Whether some are left.
    fn put_under(&mut self, finding: &mut Finding, most: isize) -> bool {
        let objects = self.objects.last().map_or(0, |&objects| objects.min(most));
        if objects > 0 {
            self.objects.iter_mut().for_each(|left| *left -= objects);
            let name = &self.of_type.name;
            match finding.folded.iter_mut().find(|one| one.type_name == *name) {
                Some(folded) => folded.objects += objects,
                None => finding.folded.push(Folded {
                    type_name: name.clone(),
                    objects,
                }),
            }
        }
        self.objects.last() > Some(&0)
    }
}

/// Puts under a finding what nothing but all its examples holds, and returns it. Of that, `share` (a part of how many)
/// came in one window.
///
/// # Safety
/// Nothing has died since the edges were drawn.
unsafe fn put_under(
    finding: &mut Finding,
    share: [isize; 2],
    kept: &mut Vec<Kept>,
    edges: &mut Edges,
    limit: usize,
) -> Vec<usize> {
    let roots = finding.examples.iter().map(|example| example.op);
    // SAFETY: the caller's promise is the callee's.
    let below = unsafe { edges.only_below(roots, limit) };
    let mut counts: HashMap<usize, isize> = HashMap::new();
    for &[_, ob_type] in &below {
        *counts.entry(ob_type).or_default() += 1;
    }
    let [part, of] = share;
    kept.retain_mut(|kept| {
        let count = counts.get(&kept.place()).copied().unwrap_or(0);
        kept.put_under(finding, (count * part + of / 2) / of)
    });
    below.into_iter().map(|[op, _]| op).collect()
}

/// Puts the rest of what grows under a finding below whose newest example objects of the same types lie: others may hold
/// them, too.
///
/// # Safety
/// Nothing has died since the edges were drawn.
unsafe fn put_rest_under(finding: &mut Finding, kept: &mut Vec<Kept>, edges: &mut Edges) {
    let Some(root) = finding.examples.first().filter(|_| !kept.is_empty()) else {
        return;
    };
    // SAFETY: the caller's promise is the callee's.
    let below = unsafe { edges.types_below(root.op) };
    kept.retain_mut(|kept| {
        let is_below = below.contains(&kept.place());
        kept.put_under(finding, if is_below { isize::MAX } else { 0 })
    });
}
