//! Compares snapshots and makes findings.

use rustc_hash::{FxHashMap, FxHashSet};

use super::classes;
use super::finding::{Example, Finding, Kind};
use super::fold::{self, Growing};
use super::groups::{Groups, Identity};
use super::growth::{differences, steady};
use super::memory_growth;
use super::snapshot::{Row, Snapshot};
use super::words::{self, Stale};

/// The references that an object must lose in each window before the fall itself is a finding. The loop around the
/// runs, and objects parked between them, release one or two references to a small number.
const LEAST_FALL: isize = 5;

/// The numbers of a group of types in one snapshot.
#[derive(Clone, Copy, Debug, Default)]
struct Moment {
    objects: isize,
    /// Unexplained references to objects that have no missing references in the end.
    rest: isize,
    /// As `rest`, including the references that words may hide.
    unshown: isize,
    /// Unexplained references to the other objects, and over-releases of dead objects.
    missing: isize,
}

/// The findings from one snapshot to the next, oldest first; `None` without memory. One snapshot gives no finding.
///
/// # Safety
/// The host's lock is held. No object that the last snapshot shows as leaked has died since.
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
    let (mut growing, mut holders) = (Vec::new(), Vec::new());
    for group in 0..groups.count() {
        // A group without a type in the last snapshot does not grow.
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
            // SAFETY: the host's lock is held, and no leaked object has died since the last snapshot.
            findings.extend(unsafe { classes::told_apart(finding, snapshots) });
        }
        if !found && steady(&objects).is_some_and(|objects| objects > 0) {
            growing.push(Growing { group, objects });
        }
    }
    // SAFETY: the caller's promise is the callee's.
    if !unsafe { fold::fold(&mut findings, growing, &groups, stale) } {
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

/// Whether nothing changed between two snapshots. Each type has as many objects in blocks as before, each object has as
/// many unexplained references, and there are no more unheld blocks. Such a window gives no finding.
#[must_use]
pub fn is_quiet(before: &Snapshot, after: &Snapshot) -> bool {
    fn objects(snapshot: &Snapshot) -> FxHashMap<Identity<'_>, [isize; 2]> {
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
        // An object outside all blocks counts as unchanged before it is first met.
        && outsiders.all(|row| {
            let old = outside.get(&(row.op as usize));
            old.is_none_or(|&old| old == row.unexplained())
        })
}

/// The objects of a snapshot that have fewer counted than shown references.
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

/// The numbers of each group in each snapshot.
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

/// The objects with fewer counted than shown references, and those that lose equally many unexplained references in
/// each window. `None`, for example, has so many references from static variables that the difference takes long to
/// become negative.
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

/// Adds the objects in no block. Such an object counts as unchanged before it is first met.
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
            // Only the differences between snapshots count.
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

/// Decides whether a group leaks. `unshown` ignores the excuses of unsteady words. Among many leaked references, a
/// leftover word may excuse one by chance; the leak is still steady then.
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
    // Newer objects first: allocators mostly hand out blocks at rising addresses.
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
