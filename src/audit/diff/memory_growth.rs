//! Finds growth of memory that is no object and that no object holds.

use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ptr::null_mut;

use super::finding::{EXAMPLES, Finding, Grown, Kind};
use super::growth::{differences, steady};
use super::snapshot::Snapshot;
use crate::audit::heap::young::{Block, Domain};
use crate::audit::walk::unheld::Unheld;

/// The name that findings give to the C heap.
const C_HEAP: &CStr = c"malloc";

/// For each key, the number of blocks and their bytes, in each snapshot.
type Numbers = BTreeMap<Key, Vec<[isize; 2]>>;
/// One entry of [`Numbers`].
type Number = (Key, Vec<[isize; 2]>);
/// Blocks of one length in a domain; or, with `None`, the blocks of the domain whose lengths differ.
type Key = (Domain, Option<usize>);

impl Domain {
    /// The function that allocates blocks of this domain.
    const fn function(self) -> &'static CStr {
        match self {
            Domain::Raw => c"PyMem_RawMalloc",
            Domain::Mem => c"PyMem_Malloc",
            Domain::Object => c"PyObject_Malloc",
        }
    }
}

/// The growth from snapshot to snapshot, oldest first. `holders` are groups of instances of C extension types, with
/// their growth in each window. Such instances may own memory that did not come from CPython's allocators.
pub(in crate::audit) fn findings(snapshots: &[&Snapshot], holders: &[Vec<isize>]) -> Vec<Finding> {
    let moments: Vec<&Unheld> = snapshots.iter().map(|one| &one.unheld).collect();
    let mut findings = Vec::new();
    let mut numbers = numbers(&moments);
    fill_up(&mut numbers, &moments);
    for of_domain in by_domain(numbers) {
        let (apart, rest) = apart(of_domain);
        for (key, numbers) in apart.into_iter().chain(rest) {
            findings.extend(finding(key, changes(&numbers), &moments, holders));
        }
    }
    let c_heap: Option<Vec<isize>> = moments.iter().map(|one| one.c_heap).collect();
    if let Some(c_heap) = c_heap {
        let bytes = differences(&c_heap);
        let may_be_held = holders
            .iter()
            .any(|held| held.iter().all(|&objects| objects > 0));
        if let Some(kind) = kind(&evened_down(&bytes), may_be_held) {
            findings.push(told(
                kind,
                C_HEAP,
                Grown {
                    blocks: Vec::new(),
                    bytes,
                    examples: Vec::new(),
                },
            ));
        }
    }
    findings
}

/// Whether no length has more blocks than before.
pub(in crate::audit) fn is_quiet(before: &Unheld, after: &Unheld) -> bool {
    let numbers = numbers(&[before, after]);
    numbers.values().all(|number| number[1][0] <= number[0][0])
}

/// The unheld blocks of each length.
fn numbers(moments: &[&Unheld]) -> Numbers {
    let mut numbers = Numbers::new();
    for (at, moment) in moments.iter().enumerate() {
        for block in &moment.blocks {
            let key = (block.domain, Some(block.bytes));
            let number = numbers
                .entry(key)
                .or_insert_with(|| vec![[0; 2]; moments.len()]);
            number[at] = [number[at][0] + 1, number[at][1] + block.bytes as isize];
        }
    }
    numbers
}

/// If a length grows by equally many blocks in each window, and most of its new blocks are unheld, counts all its
/// blocks. An old address in other memory may hold some of them by chance, above all in the first window.
fn fill_up(numbers: &mut Numbers, moments: &[&Unheld]) {
    /// More than one new block in this many must be unheld.
    const MOST: isize = 2;
    for (&(domain, bytes), number) in numbers {
        let Some(bytes) = bytes else { continue };
        let all = moments.iter().map(|moment| {
            let blocks = moment.lengths.get(&(domain, bytes));
            blocks.copied().unwrap_or(0)
        });
        let all: Vec<isize> = all.collect();
        let blocks = &changes(number)[0];
        let unheld: isize = blocks.iter().sum();
        let is_most = |all: isize| all > 0 && MOST * unheld > all * blocks.len() as isize;
        if steady(&differences(&all)).is_some_and(is_most) {
            let all = all.into_iter();
            *number = all.map(|all| [all, all * bytes as isize]).collect();
        }
    }
}

/// The numbers of each domain.
fn by_domain(numbers: Numbers) -> Vec<Numbers> {
    let mut all: BTreeMap<Domain, Numbers> = BTreeMap::new();
    for (key, numbers) in numbers {
        all.entry(key.0).or_default().insert(key, numbers);
    }
    all.into_values().collect()
}

/// Splits the numbers of a domain. Lengths that grow steadily stand apart. All other lengths are added up, since they
/// may grow steadily together. If they do, a rare length is added to them: it grows steadily only by chance.
fn apart(mut numbers: Numbers) -> (Numbers, Option<Number>) {
    /// A length stands apart if it grows by at least `1 / SHARE` of the growth of the others.
    const SHARE: isize = 4;
    let growth = |numbers: &[[isize; 2]]| {
        steady(&evened_to_middle(&changes(numbers)[0])).filter(|&blocks| blocks > 0)
    };
    let add = |sums: &mut Vec<[isize; 2]>, numbers: Vec<[isize; 2]>| {
        sums.resize(numbers.len(), [0; 2]);
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum = [sum[0] + number[0], sum[1] + number[1]];
        }
    };
    let Some(&(domain, _)) = numbers.keys().next() else {
        return (numbers, None);
    };
    let mut rest = Vec::new();
    let take =
        |numbers: &mut Numbers, rest: &mut Vec<_>, wanted: &dyn Fn(&[[isize; 2]]) -> bool| {
            let (taken, left): (Numbers, Numbers) = std::mem::take(numbers)
                .into_iter()
                .partition(|(_, one)| wanted(one));
            *numbers = left;
            taken.into_values().for_each(|one| add(rest, one));
        };
    take(&mut numbers, &mut rest, &|one| growth(one).is_none());
    if let Some(most) = growth(&rest) {
        take(&mut numbers, &mut rest, &|one| {
            growth(one).is_some_and(|blocks| SHARE * blocks < most)
        });
    }
    (
        numbers,
        (!rest.is_empty()).then_some(((domain, None), rest)),
    )
}

/// The changes of the blocks and of the bytes in each window.
fn changes(numbers: &[[isize; 2]]) -> [Vec<isize>; 2] {
    [0, 1].map(|of| differences(&numbers.iter().map(|number| number[of]).collect::<Vec<_>>()))
}

/// Changes that differ by less than `1 / PART` count as equal.
const PART: isize = 8;

/// The changes of the C heap, without the small extras of malloc. A block that is cut from a slightly longer one may
/// keep 16 bytes more, and each thread caches a few freed blocks.
fn evened_down(changes: &[isize]) -> Vec<isize> {
    evened(changes, changes.iter().copied().min().unwrap_or(0))
}

/// The changes of a number of blocks, corrected for a few blocks that old addresses hold by chance. Such a block is
/// missing in one window, and is one too many in a later window if the address is gone by then. So the middle change
/// counts; of two changes, the smaller one.
fn evened_to_middle(changes: &[isize]) -> Vec<isize> {
    let mut ordered = changes.to_vec();
    ordered.sort_unstable();
    let middle = ordered.get(ordered.len().saturating_sub(1) / 2);
    evened(changes, middle.copied().unwrap_or(0))
}

fn evened(changes: &[isize], even: isize) -> Vec<isize> {
    let near = |change: isize| (change - even).abs() <= even / PART;
    let changes = changes.iter();
    changes
        .map(|&change| if near(change) { even } else { change })
        .collect()
}

/// The kind of finding that such changes give.
fn kind(changes: &[isize], may_be_held: bool) -> Option<Kind> {
    let is_steady = steady(changes).is_some();
    let grows = !changes.is_empty() && changes.iter().all(|&change| change > 0);
    match (grows, is_steady, may_be_held) {
        (false, ..) => None,
        (true, _, true) => Some(Kind::Growth),
        (true, true, false) => Some(Kind::Memory),
        (true, false, false) => Some(Kind::Unsteady),
    }
}

fn finding(
    (domain, bytes): Key,
    [blocks, mut grown]: [Vec<isize>; 2],
    moments: &[&Unheld],
    holders: &[Vec<isize>],
) -> Option<Finding> {
    let blocks = evened_to_middle(&blocks);
    if let Some(bytes) = bytes {
        grown = blocks
            .iter()
            .map(|blocks| blocks * bytes as isize)
            .collect();
    }
    // True if there are equally many blocks for each new object.
    let may_be_held = holders.iter().any(|held| {
        let mut both = held.iter().zip(&blocks);
        both.all(|(&objects, &blocks)| objects > 0 && blocks % objects == 0)
    });
    // Blocks that `realloc` makes longer are no more blocks than before.
    let grows_in_place = bytes.is_none() && blocks.iter().all(|&one| one == 0);
    let kind = kind(if grows_in_place { &grown } else { &blocks }, may_be_held)?;
    let is_one =
        |block: &&Block| block.domain == domain && bytes.is_none_or(|bytes| block.bytes == bytes);
    let old = moments.first().map_or(&[][..], |first| &first.blocks[..]);
    let old: FxHashSet<&Block> = old.iter().collect();
    let last = moments.last().map_or(&[][..], |last| &last.blocks[..]);
    // Newer blocks first: allocators mostly hand out blocks at rising addresses.
    let young = last
        .iter()
        .rev()
        .filter(is_one)
        .filter(|block| !old.contains(block));
    let examples = young.take(EXAMPLES).copied().collect();
    Some(told(
        kind,
        domain.function(),
        Grown {
            blocks,
            bytes: grown,
            examples,
        },
    ))
}

fn told(kind: Kind, name: &CStr, grown: Grown) -> Finding {
    Finding {
        kind,
        ob_type: null_mut(),
        type_name: name.into(),
        references: vec![0; grown.bytes.len()],
        objects: vec![0; grown.bytes.len()],
        examples: Vec::new(),
        folded: Vec::new(),
        memory: Some(grown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unequal_growth_is_unsteady() {
        assert_eq!(kind(&[5, 5], false), Some(Kind::Memory));
        assert_eq!(kind(&[5, 6], false), Some(Kind::Unsteady));
        assert_eq!(kind(&[5, 5], true), Some(Kind::Growth));
        for changes in [&[5, 0][..], &[0, 0], &[-5, -5], &[]] {
            assert_eq!(kind(changes, false), None, "{changes:?}");
        }
    }

    #[test]
    fn a_little_more_or_less_is_no_difference() {
        assert_eq!(evened_down(&[11_200, 11_216, 11_200]), [11_200; 3]);
        assert_eq!(evened_down(&[160, 176]), [160; 2]);
        for changes in [[100, 99, 100], [102, 100, 100], [98, 102, 100]] {
            assert_eq!(evened_to_middle(&changes), [100; 3]);
        }
        assert_eq!(evened_to_middle(&[102, 100]), [100; 2]);
        for changes in [[16, 32], [0, 16], [-16, 16], [100, 200], [-8, -8], [3, 2]] {
            assert_eq!(evened_down(&changes), changes);
            assert_eq!(evened_to_middle(&changes), changes);
        }
    }

    #[test]
    fn a_length_stands_apart_unless_it_is_there_by_chance() {
        let numbers = |of: &[(usize, [isize; 3])]| -> Numbers {
            let both = of.iter().map(|&(bytes, blocks)| {
                let numbers = blocks.map(|blocks| [blocks, blocks * bytes as isize]);
                ((Domain::Mem, Some(bytes)), numbers.to_vec())
            });
            both.collect()
        };
        let blocks = |one: &[[isize; 2]]| one.iter().map(|number| number[0]).collect::<Vec<_>>();
        let (alone, rest) = apart(numbers(&[
            (8, [0, 10, 20]),
            (16, [3, 3, 3]),
            (24, [0, 9, 9]),
        ]));
        assert_eq!(alone.len(), 1);
        assert_eq!(blocks(&rest.expect("two lengths").1), [3, 12, 12]);
        let (alone, rest) = apart(numbers(&[
            (8, [0, 10, 20]),
            (16, [0, 1, 2]),
            (24, [0, 9, 9]),
            (32, [0, 0, 9]),
            (40, [0, 3, 6]),
        ]));
        let apart = [8, 40].map(|bytes| (Domain::Mem, Some(bytes)));
        assert!(alone.keys().eq(&apart), "{alone:?}");
        assert_eq!(blocks(&rest.expect("three lengths").1), [0, 10, 20]);
    }

    #[test]
    fn most_blocks_of_a_length_stand_for_all() {
        let filled = |unheld: [isize; 3], all: [isize; 3]| {
            let key = (Domain::Mem, Some(8));
            let mut numbers = Numbers::from([(key, unheld.map(|one| [one, 8 * one]).to_vec())]);
            let moments = all.map(|all| Unheld {
                lengths: [((Domain::Mem, 8), all)].into(),
                ..Unheld::default()
            });
            fill_up(&mut numbers, &moments.iter().collect::<Vec<_>>());
            numbers[&key].iter().map(|one| one[0]).collect::<Vec<_>>()
        };
        assert_eq!(filled([0, 85, 181], [7, 107, 207]), [7, 107, 207]);
        assert_eq!(filled([0, 2, 102], [7, 107, 207]), [7, 107, 207]);
        for unheld in [[0, 50, 100], [0, 0, 0]] {
            assert_eq!(filled(unheld, [7, 107, 207]), unheld);
        }
        assert_eq!(filled([0, 85, 181], [7, 107, 208]), [0, 85, 181]);
    }

    #[test]
    fn new_objects_may_hold_the_blocks_if_each_has_as_many() {
        let key = (Domain::Mem, Some(8));
        let kind_with = |holder: [isize; 2]| {
            let numbers = [vec![4, 4], vec![32, 32]];
            finding(key, numbers, &[], &[holder.to_vec()]).map(|found| found.kind)
        };
        for holder in [[4, 4], [2, 2], [1, 4]] {
            assert_eq!(kind_with(holder), Some(Kind::Growth), "{holder:?}");
        }
        for holder in [[3, 3], [4, 0], [4, -4], [8, 8]] {
            assert_eq!(kind_with(holder), Some(Kind::Memory), "{holder:?}");
        }
    }

    #[test]
    fn a_block_that_gets_longer_is_a_finding() {
        let kind_of = |bytes: Option<usize>, blocks: [isize; 2], grown: [isize; 2]| {
            let numbers = [blocks.to_vec(), grown.to_vec()];
            finding((Domain::Raw, bytes), numbers, &[], &[]).map(|found| found.kind)
        };
        assert_eq!(kind_of(None, [0, 0], [64, 64]), Some(Kind::Memory));
        assert_eq!(kind_of(None, [0, 0], [64, 65]), Some(Kind::Unsteady));
        for grown in [[0, 0], [64, 0], [-64, -64]] {
            assert_eq!(kind_of(None, [0, 0], grown), None);
        }
        assert_eq!(kind_of(None, [0, -1], [64, 64]), None);
        assert_eq!(kind_of(Some(8), [0, 0], [64, 64]), None);
    }

    #[test]
    fn more_blocks_alone_are_not_quiet() {
        let block = |start, bytes| Block {
            start,
            bytes,
            domain: Domain::Mem,
            is_long: false,
        };
        let moment = |blocks: &[Block]| Unheld {
            blocks: blocks.to_vec(),
            ..Unheld::default()
        };
        let few = moment(&[block(0x10, 8), block(0x20, 16)]);
        let moved = moment(&[block(0x30, 8)]);
        let others = moment(&[block(0x10, 8), block(0x20, 24)]);
        assert!(is_quiet(&few, &few) && is_quiet(&few, &moved));
        assert!(!is_quiet(&moved, &few) && !is_quiet(&few, &others));
    }
}
