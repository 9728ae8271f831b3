//! Handles objects that grow although all their references are explained: leaked objects hold them, or they hold each
//! other.

use rustc_hash::{FxHashMap, FxHashSet};
use std::ffi::CStr;

use super::edges::{Closed, Edges};
use super::finding::{Finding, Folded, Kind};
use super::groups::Groups;
use super::words::Stale;
use crate::abi::{self, PyObject, PyTypeObject, PyVarObject};
use crate::audit::walk::pinned;

/// The most objects to look at below all findings together.
const LIMIT: usize = 1 << 20;

/// The types of an entry in `tp_subclasses`: a number as the key, and a weak reference to the class.
const ENTRY: [&CStr; 3] = [c"int", c"weakref", c"weakref.ReferenceType"];

/// A group of types with the same growth in every window, and no finding of its own.
#[derive(Clone, Debug)]
pub(in crate::audit) struct Growing {
    pub(in crate::audit) group: usize,
    /// The change of the number of objects in each window.
    pub(in crate::audit) objects: Vec<isize>,
}

/// The groups that are not yet under a finding.
struct Left<'a> {
    growing: Vec<Growing>,
    groups: &'a Groups<'a>,
}

/// Puts each group in `growing` under the leak that holds its objects. Groups that nothing can reach become leaks of their
/// own, and the rest becomes findings of growth. Stale words hold nothing. False without memory.
///
/// # Safety
/// The host's lock is held.
#[must_use]
pub(in crate::audit) unsafe fn fold(
    findings: &mut Vec<Finding>,
    growing: Vec<Growing>,
    groups: &Groups,
    stale: Stale,
) -> bool {
    if growing.is_empty() {
        return true;
    }
    // SAFETY: the caller's promise is the callee's.
    let Some(mut edges) = (unsafe { Edges::now(stale) }) else {
        return false;
    };
    let mut left = Left { growing, groups };
    let mut leaks: Vec<&mut Finding> = findings
        .iter_mut()
        .filter(|finding| finding.kind == Kind::Leak)
        .collect();
    // Leaks of many new objects come first: they more likely hold the growing objects than one old object does.
    leaks.sort_by_key(|finding| std::cmp::Reverse(finding.examples.len()));
    let limit = LIMIT / leaks.len().max(1);
    for finding in &mut leaks {
        let share = [1, finding.references.len() as isize];
        // SAFETY: nothing has died since the edges were drawn.
        unsafe { left.put_under(finding, share, &mut edges, limit) };
    }
    // SAFETY: nothing has died since the edges were drawn.
    let mut circles = unsafe { left.circles(&mut edges) };
    for finding in leaks.into_iter().chain(&mut circles) {
        // SAFETY: nothing has died since the edges were drawn.
        unsafe { left.put_rest_under(finding, &mut edges) };
    }
    findings.append(&mut circles);
    findings.extend(left.growing.into_iter().map(|growing| Finding {
        kind: Kind::Growth,
        ob_type: groups.ob_type(growing.group),
        type_name: groups.name(growing.group),
        references: vec![0; growing.objects.len()],
        objects: growing.objects,
        examples: Vec::new(),
        folded: Vec::new(),
        memory: None,
    }));
    true
}

/// How many entries in `tp_subclasses` the classes among these objects have.
///
/// # Safety
/// The first address of each pair is an object.
unsafe fn entries_for_classes(below: &[[usize; 2]]) -> isize {
    let classes = below.iter().map(|&[op, _]| op as *mut PyObject);
    // SAFETY: each address is an object. The bases of a type are a tuple, or NULL before it is ready.
    let bases = classes.map(|op| unsafe {
        if !abi::flags_of(op).is_type() {
            return 0;
        }
        let bases = (*op.cast::<PyTypeObject>()).tp_bases.cast::<PyVarObject>();
        bases.as_ref().map_or(0, |bases| bases.ob_size)
    });
    bases.sum()
}

impl Growing {
    /// Moves at most `most` objects of each window under a finding. Returns whether objects are left.
    fn put_under(&mut self, finding: &mut Finding, groups: &Groups, most: isize) -> bool {
        let objects = self.objects.last().map_or(0, |&objects| objects.min(most));
        if objects > 0 {
            self.objects.iter_mut().for_each(|left| *left -= objects);
            let type_name = groups.name(self.group);
            match finding
                .folded
                .iter_mut()
                .find(|one| one.type_name == type_name)
            {
                Some(folded) => folded.objects += objects,
                None => finding.folded.push(Folded { type_name, objects }),
            }
        }
        self.objects.last() > Some(&0)
    }
}

impl Left<'_> {
    /// Puts the objects that only the finding's examples hold under the finding, and returns them. `share` is a
    /// fraction: the part of these objects that came in one window.
    ///
    /// # Safety
    /// Nothing has died since the edges were drawn.
    unsafe fn put_under(
        &mut self,
        finding: &mut Finding,
        share: [isize; 2],
        edges: &mut Edges,
        limit: usize,
    ) -> Vec<usize> {
        let roots = finding.examples.iter().map(|example| example.op);
        // SAFETY: the caller's promise is the callee's.
        let below = unsafe { edges.only_below(roots, limit) };
        let mut counts: FxHashMap<usize, isize> = FxHashMap::default();
        for &[_, ob_type] in &below {
            if let Some(group) = self.groups.find(ob_type) {
                *counts.entry(group).or_default() += 1;
            }
        }
        // SAFETY: nothing has died since the edges were drawn, so the objects below are alive.
        let entries = unsafe { entries_for_classes(&below) };
        for group in self.growing.iter().map(|growing| growing.group) {
            if ENTRY.contains(&self.groups.name(group).as_c_str()) {
                *counts.entry(group).or_default() += entries;
            }
        }
        let [part, of] = share;
        self.growing.retain_mut(|growing| {
            let count = counts.get(&growing.group).copied().unwrap_or(0);
            growing.put_under(finding, self.groups, (count * part + of / 2) / of)
        });
        below.into_iter().map(|[op, _]| op).collect()
    }

    /// Makes findings of the objects that nothing can reach.
    ///
    /// # Safety
    /// Nothing has died since the edges were drawn.
    unsafe fn circles(&mut self, edges: &mut Edges) -> Vec<Finding> {
        let wanted: FxHashSet<usize> = self.growing.iter().map(|growing| growing.group).collect();
        let group = |ob_type| {
            let group = self.groups.find(ob_type);
            group.filter(|group| wanted.contains(group))
        };
        // SAFETY: nothing has died since the edges were drawn; the same holds below.
        let closed = unsafe { edges.closed(|ob_type| group(ob_type).is_some()) };
        let mut circles = Vec::new();
        for &wanted in &wanted {
            // Pins hold the objects that existed before the first window. Those objects do not grow.
            let is_one = |closed: &&Closed| {
                group(closed.ob_type) == Some(wanted) && closed.refcount < pinned::REFERENCES
            };
            let same = closed.iter().filter(is_one);
            let mut same: Vec<&Closed> = same.collect();
            same.sort_by_key(|closed| std::cmp::Reverse(closed.op));
            if let Some(newest) = same.first() {
                // SAFETY: nothing has died since the edges were drawn.
                let below = unsafe { edges.types_below(newest.op) };
                let is_shown = newest.refcount == newest.explained;
                let width = std::cmp::Reverse(below.len());
                let order = (is_shown, !newest.is_foreign, width, wanted);
                circles.push((order, same));
            }
        }
        // Of a cycle, the finding names the part that is held without being shown. Without such a part, it names a type
        // written in C, or else the type that holds the most other types.
        circles.sort_by_key(|&(order, _)| order);
        let limit = LIMIT / circles.len().max(1);
        let (mut findings, mut folded) = (Vec::new(), FxHashSet::default());
        for ((_, _, _, group), mut same) in circles {
            same.retain(|closed| !folded.contains(&(closed.op as usize)));
            let place = self.growing.iter().position(|growing| {
                growing.group == group && same.len() as isize >= growing.objects.iter().sum()
            });
            let Some(place) = place else { continue };
            let Growing { group, objects } = self.growing.swap_remove(place);
            let unshown = same
                .first()
                .map_or(0, |newest| newest.refcount - newest.explained);
            let share = [objects.last().copied().unwrap_or(0), same.len() as isize];
            let mut finding = Finding {
                kind: Kind::Leak,
                ob_type: self.groups.ob_type(group),
                type_name: self.groups.name(group),
                references: objects.iter().map(|objects| objects * unshown).collect(),
                objects,
                examples: same.iter().map(|closed| closed.example()).collect(),
                folded: Vec::new(),
                memory: None,
            };
            // SAFETY: nothing has died since the edges were drawn.
            folded.extend(unsafe { self.put_under(&mut finding, share, edges, limit) });
            findings.push(finding);
        }
        findings
    }

    /// Puts the rest of a growing group under the finding if objects of the group lie below its newest example. Other
    /// objects may hold some of them, too.
    ///
    /// # Safety
    /// Nothing has died since the edges were drawn.
    unsafe fn put_rest_under(&mut self, finding: &mut Finding, edges: &mut Edges) {
        let Some(root) = finding
            .examples
            .first()
            .filter(|_| !self.growing.is_empty())
        else {
            return;
        };
        // SAFETY: the caller's promise is the callee's.
        let below = unsafe { edges.types_below(root.op) };
        let below = below.iter().filter_map(|&place| self.groups.find(place));
        let below: FxHashSet<usize> = below.collect();
        self.growing.retain_mut(|growing| {
            let most = if below.contains(&growing.group) {
                isize::MAX
            } else {
                0
            };
            growing.put_under(finding, self.groups, most)
        });
    }
}
