//! Snapshots to findings.

use rustc_hash::{FxHashMap, FxHashSet};

use super::classes;
use super::finding::{Example, Finding, Kind};
use super::fold::{self, Kept};
use super::groups::{Groups, Key};
use super::memory_growth;
use super::snapshot::{Row, Snapshot};
use super::words::{self, Stale};

/// References that an object must lose in each window before that alone counts: the loop around the runs, and what is
/// parked between them, let go of one or two to a small number.
const LEAST_FALL: isize = 5;

/// A group of types as one snapshot saw it.
#[derive(Clone, Copy, Debug, Default)]
struct Moment {
    objects: isize,
    /// Unexplained references to objects that have none too few in the end.
    rest: isize,
    /// The same, with those that may be hidden.
    unshown: isize,
    /// Unexplained references to the others, and to those that had died.
    missing: isize,
}

/// What has changed from snapshot to snapshot, oldest first; `None` where there is no memory. One snapshot shows no change.
///
/// # Safety
/// The host's lock is held.
#[must_use]
pub unsafe fn compare(snapshots: &[&Snapshot]) -> Option<Vec<Finding>> {
    let (all, stale) = (snapshots, Stale::since(snapshots));
    let excused = words::excused(snapshots);
    let snapshots = &excused.iter().collect::<Vec<_>>()[..];
    let [first, .., last] = snapshots else {
        return Some(Vec::new());
    };
    let before = first.rests(|_| true);
    let missing = released_too_often(snapshots, last, &before);
    let groups = Groups::of(snapshots);
    let moments = moments(snapshots, &groups, &missing);
    let mut findings = Vec::new();
    let (mut kept, mut holders) = (Vec::new(), Vec::new());
    for group in 0..groups.count() {
        // What has no object any more is not what grows.
        if groups.types(group).is_empty() {
            continue;
        }
        let changes = |of: fn(&Moment) -> isize| {
            let numbers = moments.iter().map(|moments| of(&moments[group]));
            differences(&numbers.collect::<Vec<_>>())
        };
        let objects = changes(|moment| moment.objects);
        let may_hold = groups
            .types(group)
            .iter()
            .any(|of_type| of_type.may_own_memory);
        if may_hold && objects.iter().any(|&objects| objects > 0) {
            holders.push(objects.clone());
        }
        let mut found = false;
        let rest = changes(|moment| moment.rest);
        for (kind, references) in [
            leaked(rest, changes(|moment| moment.unshown)),
            (
                over_release(&changes(|moment| moment.missing)),
                changes(|moment| moment.missing),
            ),
        ] {
            let Some(kind) = kind else { continue };
            found |= kind != Kind::Unsteady;
            let wanted = |row: &Row| {
                let old = before.get(&(row.op as usize)).copied().unwrap_or(0);
                groups.number(snapshots.len() - 1, row.ob_type as usize) == group
                    && match kind {
                        Kind::OverRelease => missing.contains(&(row.op as usize)),
                        _ => row.unexplained() > old,
                    }
            };
            let mut examples = examples(last, &before, wanted);
            if kind == Kind::OverRelease && examples.is_empty() {
                let dead = groups.types(group).iter().flat_map(|of_type| &of_type.dead);
                examples.extend(dead.rev().map(|&op| Example::dead(op)));
            }
            let finding = Finding {
                kind,
                ob_type: groups.ob_type(group),
                type_name: groups.name(group),
                references,
                objects: objects.clone(),
                examples,
                folded: Vec::new(),
                memory: None,
            };
            // SAFETY: the caller's promise is the callee's.
            findings.extend(unsafe { classes::told_apart(finding, snapshots) });
        }
        if !found && steady(&objects).is_some_and(|objects| objects > 0) {
            kept.push(Kept { group, objects });
        }
    }
    // SAFETY: the caller's promise is the callee's.
    if !unsafe { fold::fold(&mut findings, kept, &groups, stale) } {
        return None;
    }
    findings.extend(memory_growth::findings(all, &holders));
    findings.iter_mut().for_each(Finding::shorten);
    findings.sort_by_key(|finding| {
        let most = finding.references.last().copied().unwrap_or(0).abs();
        (finding.kind.rank(), std::cmp::Reverse(most))
    });
    Some(findings)
}

/// Whether nothing has changed from one snapshot to the next: there are as many objects of each type in blocks, as many
/// unexplained references to each object, and no more blocks that nothing holds. No finding can come of such a window.
#[must_use]
pub fn is_quiet(before: &Snapshot, after: &Snapshot) -> bool {
    fn objects(snapshot: &Snapshot) -> FxHashMap<Key<'_>, [isize; 2]> {
        let mut objects: FxHashMap<_, [isize; 2]> = FxHashMap::default();
        for of_type in &snapshot.types {
            let [alive, dead] = objects.entry(of_type.key()).or_default();
            *alive += of_type.objects - of_type.outside;
            *dead += of_type.after_death;
        }
        objects.retain(|_, numbers| *numbers != [0, 0]);
        objects
    }
    if !memory_growth::is_quiet(&before.unheld, &after.unheld) {
        return false;
    }
    let excused = words::excused(&[before, after]);
    let [before, after] = &excused[..] else {
        return false;
    };
    let rests =
        |snapshot: &Snapshot| snapshot.rests(|row| !row.is_outside && row.unexplained() != 0);
    let outside = before.rests(|row| row.is_outside);
    let mut outsiders = after.rows.iter().filter(|row| row.is_outside);
    objects(before) == objects(after)
        && rests(before) == rests(after)
        // Before it was met for the first time it was as it is.
        && outsiders.all(|row| {
            let old = outside.get(&(row.op as usize));
            old.is_none_or(|&old| old == row.unexplained())
        })
}

/// Every object of a snapshot of which fewer references are counted than are shown.
#[must_use]
pub fn over_released(snapshot: &Snapshot) -> Vec<Finding> {
    let missing = snapshot.rows.iter().filter(|row| row.unexplained() < 0);
    let types: FxHashSet<u32> = missing.map(|row| row.ob_type).collect();
    let mut findings: Vec<Finding> = types
        .into_iter()
        .map(|id| {
            let of_type = &snapshot.types[id as usize];
            Finding {
                kind: Kind::OverRelease,
                ob_type: of_type.ob_type,
                type_name: of_type.name.clone(),
                references: Vec::new(),
                objects: Vec::new(),
                examples: examples(snapshot, &FxHashMap::default(), |row| {
                    row.ob_type == id && row.unexplained() < 0
                }),
                folded: Vec::new(),
                memory: None,
            }
        })
        .collect();
    findings.iter_mut().for_each(Finding::shorten);
    findings.sort_by(|a, b| a.type_name.cmp(&b.type_name));
    findings
}

/// Each group as each snapshot saw it.
fn moments(
    snapshots: &[&Snapshot],
    groups: &Groups,
    missing: &FxHashSet<usize>,
) -> Vec<Vec<Moment>> {
    let mut all = vec![vec![Moment::default(); groups.count()]; snapshots.len()];
    for (at, (snapshot, moments)) in snapshots.iter().zip(&mut all).enumerate() {
        for (id, of_type) in snapshot.types.iter().enumerate() {
            let moment = &mut moments[groups.number(at, id)];
            moment.objects += of_type.objects;
            moment.rest += of_type.unexplained;
            moment.unshown += of_type.unshown;
            moment.missing -= of_type.after_death;
        }
        let rows = snapshot.rows.iter();
        for row in rows.filter(|row| !row.is_outside && missing.contains(&(row.op as usize))) {
            let moment = &mut moments[groups.number(at, row.ob_type as usize)];
            moment.rest -= row.unexplained();
            moment.unshown -= row.unshown();
            moment.missing += row.unexplained();
        }
    }
    add_outsiders(snapshots, groups, missing, &mut all);
    all
}

/// Objects of which fewer references are counted than are shown, and those that lose as many unexplained references in
/// each window: `None` has so many, in static variables, that it takes long until one is missed.
fn released_too_often(
    snapshots: &[&Snapshot],
    last: &Snapshot,
    before: &FxHashMap<usize, isize>,
) -> FxHashSet<usize> {
    let old = |row: &Row| before.get(&(row.op as usize)).copied();
    let fallen = last.rests(|row| old(row).is_some_and(|old| row.unexplained() < old));
    let rests: Vec<FxHashMap<usize, isize>> = snapshots
        .iter()
        .map(|snapshot| snapshot.rests(|row| fallen.contains_key(&(row.op as usize))))
        .collect();
    let falls_steadily = |op: &usize| {
        let then: Option<Vec<isize>> = rests.iter().map(|rest| rest.get(op).copied()).collect();
        then.and_then(|then| steady(&differences(&then)))
            .is_some_and(|change| change <= -LEAST_FALL)
    };
    let missing = last.rests(|row| row.unexplained() < 0);
    let steadily = fallen.keys().copied().filter(falls_steadily);
    missing.keys().copied().chain(steadily).collect()
}

/// Adds what lies in no block. Before it was met for the first time it was as it was then.
fn add_outsiders(
    snapshots: &[&Snapshot],
    groups: &Groups,
    missing: &FxHashSet<usize>,
    moments: &mut [Vec<Moment>],
) {
    let mut known: FxHashMap<usize, isize> = FxHashMap::default();
    for (at, snapshot) in snapshots.iter().enumerate() {
        for row in snapshot.rows.iter().filter(|row| row.is_outside) {
            let group = groups.number(at, row.ob_type as usize);
            let now = row.unexplained();
            let before = known.insert(row.op as usize, now).unwrap_or(now);
            // What changes from one moment to the next is all that counts.
            for moment in moments[at..].iter_mut().map(|moments| &mut moments[group]) {
                if missing.contains(&(row.op as usize)) {
                    moment.missing += now - before;
                } else {
                    moment.rest += now - before;
                    moment.unshown += now - before;
                }
            }
        }
    }
}

pub(super) fn differences(values: &[isize]) -> Vec<isize> {
    values.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// The change, where it is the same in every window.
pub(super) fn steady(changes: &[isize]) -> Option<isize> {
    let (&first, rest) = changes.split_first()?;
    rest.iter().all(|&change| change == first).then_some(first)
}

/// A leak, from how the unexplained references change, and how those do that steady fields do not bring. Of many that are
/// leaked, a word that some memory has been left with may excuse one: that does not make them unsteady.
fn leaked(rest: Vec<isize>, unshown: Vec<isize>) -> (Option<Kind>, Vec<isize>) {
    let grows = rest.iter().filter(|&&change| change > 0).count();
    let is_more = steady(&unshown).is_some_and(|change| change > 0) && 2 * grows > rest.len();
    match leak(&rest) {
        Some(Kind::Leak) => (Some(Kind::Leak), rest),
        _ if is_more => (Some(Kind::Leak), unshown),
        kind => (kind, rest),
    }
}

fn leak(changes: &[isize]) -> Option<Kind> {
    match steady(changes) {
        Some(change) => (change > 0).then_some(Kind::Leak),
        None => (changes.iter().all(|&change| change > 0)).then_some(Kind::Unsteady),
    }
}

fn over_release(changes: &[isize]) -> Option<Kind> {
    match steady(changes) {
        Some(change) => (change < 0).then_some(Kind::OverRelease),
        None => (changes.iter().all(|&change| change < 0)).then_some(Kind::Unsteady),
    }
}

fn examples(
    snapshot: &Snapshot,
    before: &FxHashMap<usize, isize>,
    wanted: impl Fn(&Row) -> bool,
) -> Vec<Example> {
    let rows = snapshot.rows.iter();
    let mut rows: Vec<&Row> = rows.filter(|row| wanted(row)).collect();
    // Blocks are handed out upwards, more often than not.
    rows.sort_by_key(|row| {
        (
            before.contains_key(&(row.op as usize)),
            std::cmp::Reverse(row.op),
        )
    });
    rows.iter()
        .map(|row| Example {
            op: row.op,
            refcount: row.refcount,
            explained: row.explained,
            is_dead: false,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_has_to_be_the_same_in_each_window() {
        assert_eq!(leak(&[100, 100, 100]), Some(Kind::Leak));
        assert_eq!(leak(&[100, 101, 100]), Some(Kind::Unsteady));
        assert_eq!(leak(&[100, 0, 100]), None);
        assert_eq!(leak(&[0, 0]), None);
        assert_eq!(leak(&[-1, -1]), None);
        let hidden = |rest: &[isize], unshown: &[isize]| leaked(rest.into(), unshown.into()).0;
        assert_eq!(hidden(&[100, 99], &[100, 100]), Some(Kind::Leak));
        assert_eq!(hidden(&[100, 99], &[101, 100]), Some(Kind::Unsteady));
        assert_eq!(hidden(&[100, 0], &[100, 100]), None);
        assert_eq!(hidden(&[100, 0, 99], &[100; 3]), Some(Kind::Leak));
        assert_eq!(hidden(&[100, 0, 99], &[0; 3]), None);
        assert_eq!(over_release(&[-5, -5]), Some(Kind::OverRelease));
        assert_eq!(over_release(&[-5, -4]), Some(Kind::Unsteady));
        assert_eq!(over_release(&[5, 5]), None);
    }
}
