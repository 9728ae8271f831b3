//! Splits findings about leaked types: a reader of "references to `type`" asks which type.

use rustc_hash::{FxHashMap, FxHashSet};

use super::finding::{EXAMPLES, Finding, Kind};
use super::growth::{differences, steady};
use super::snapshot::Snapshot;
use crate::abi;

/// Splits a leak of types. Each type that leaks steadily by itself gets its own finding, and the
/// rest stays together.
///
/// # Safety
/// The host's lock is held, and no example of the finding has died.
pub(in crate::audit) unsafe fn told_apart(
    finding: Finding,
    snapshots: &[&Snapshot],
) -> Vec<Finding> {
    let Some(newest) = finding.examples.first() else {
        return vec![finding];
    };
    // One window is always steady, so it can't tell types apart.
    let is_sure = finding.references.len() > 1 && finding.examples.len() > 1;
    if !is_sure || finding.kind != Kind::Leak {
        return vec![finding];
    }
    // SAFETY: the example has not died, so it is an object.
    let are_types = unsafe { abi::flags_of(newest.op) }.is_type();
    if !are_types {
        return vec![finding];
    }
    let places = finding.examples.iter().map(|example| example.op as usize);
    let places: FxHashSet<usize> = places.collect();
    let rests: Vec<FxHashMap<usize, isize>> = snapshots
        .iter()
        .map(|snapshot| snapshot.rests(|row| places.contains(&(row.op as usize))))
        .collect();
    let mut left = finding.clone();
    let mut apart = Vec::new();
    for example in &finding.examples {
        let rest =
            |rests: &FxHashMap<_, _>| rests.get(&(example.op as usize)).copied().unwrap_or(0);
        let rest: Vec<isize> = rests.iter().map(rest).collect();
        let references = differences(&rest);
        if steady(&references).is_some_and(|change| change > 0) {
            for (left, own) in left.references.iter_mut().zip(&references) {
                *left -= own;
            }
            left.examples.retain(|other| other != example);
            apart.push(Finding {
                objects: vec![0; references.len()],
                references,
                examples: vec![*example],
                ..finding.clone()
            });
        }
    }
    // More leaked types than this come from one mistake, and stay in one finding.
    if apart.len() > EXAMPLES {
        return vec![finding];
    }
    if left.references.iter().all(|&references| references > 0) {
        apart.push(left);
    }
    apart
}
