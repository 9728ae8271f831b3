//! Words in instances of foreign C types that may be references which the instances do not show, and the references
//! that such words excuse.
//!
//! Such a word may be a reference. It may also be an old address from an object that lay there before. Only new
//! references can be leaks, so a word excuses a reference only if it may be new with it:
//!
//! - A word that stood at its place in the first snapshot excuses the references that it excused then, and no more.
//! - A new word excuses a reference if its field holds references at all. The audit judges all new words in that field,
//!   over all instances of the type. Does the word lead to an object? Has the object gained as many references as there
//!   are new words? Do few words elsewhere lead to it? If at least half of the answers are no, the field excuses
//!   nothing.

use rustc_hash::{FxHashMap, FxHashSet};

use super::snapshot::{Row, Snapshot};
use crate::audit::walk::word::{Field, Target, Word};
use crate::host::reserve;

/// Words that are no references.
#[derive(Debug, Default)]
pub(in crate::audit) struct Stale {
    /// Words that led to no object in the first snapshot, by place and value.
    words: FxHashSet<(usize, usize)>,
    /// Fields whose new words are mostly no references.
    fields: FxHashSet<Field>,
}

/// The number of words that may stand for one reference.
const MOST_NOTES: isize = 3;

impl Stale {
    /// The stale words of several snapshots, oldest first.
    pub(in crate::audit) fn since(snapshots: &[&Snapshot]) -> Self {
        let Some(first) = snapshots.first() else {
            return Self::default();
        };
        let words = first.words.iter();
        Self {
            words: words
                .filter(|word| word.target == Target::Nothing)
                .map(|word| (word.place, word.value))
                .collect(),
            fields: Judge::new(first).doubted(snapshots),
        }
    }

    pub(in crate::audit) fn has(&self, word: Word) -> bool {
        self.fields.contains(&word.field) || self.words.contains(&(word.place, word.value))
    }
}

/// Copies of the snapshots, oldest first, with the references that words excuse since the first.
pub(in crate::audit) fn excused(snapshots: &[&Snapshot]) -> Vec<Snapshot> {
    let Some(first) = snapshots.first() else {
        return Vec::new();
    };
    let judge = Judge::new(first);
    let doubted = judge.doubted(snapshots);
    // The copy of one snapshot fits into the reserve.
    let mut moments: Vec<Excuses> = snapshots
        .iter()
        .take_while(|_| !reserve::is_short())
        .map(|snapshot| judge.moment(snapshot, &doubted))
        .collect();
    steady(&mut moments);
    let both = snapshots.iter().zip(moments);
    both.take_while(|_| !reserve::is_short())
        .map(|(snapshot, moment)| snapshot.excused(moment.rows, &moment.steady))
        .collect()
}

/// The references that words excuse in one snapshot.
struct Excuses {
    rows: Vec<Row>,
    /// The number of new words by field and by the type of their target.
    new: FxHashMap<(Field, usize), isize>,
    /// By type of the target: what old words excuse, and new words in fields that gain equally many in every window.
    steady: FxHashMap<usize, isize>,
}

/// Adds the words of steady fields, which gain equally many in every window.
fn steady(moments: &mut [Excuses]) {
    let fields = moments.iter().flat_map(|moment| moment.new.keys().copied());
    let fields: FxHashSet<(Field, usize)> = fields.collect();
    for key in fields {
        let words = |moment: &Excuses| moment.new.get(&key).copied().unwrap_or(0);
        let words: Vec<isize> = moments.iter().map(words).collect();
        let mut changes = words.windows(2).map(|two| two[1] - two[0]);
        let first = changes.next();
        if changes.all(|change| Some(change) == first) {
            for (moment, words) in moments.iter_mut().zip(words) {
                *moment.steady.entry(key.1).or_default() += words;
            }
        }
    }
}

/// Judges the words of later snapshots by the first.
struct Judge<'a> {
    /// The words of the first snapshot, in order of places.
    words: &'a [Word],
    /// The references in the first snapshot that no object showed.
    unshown: FxHashMap<usize, isize>,
    /// How many of `unshown` words excused in the first snapshot.
    excused: FxHashMap<usize, isize>,
}

impl<'a> Judge<'a> {
    fn new(first: &'a Snapshot) -> Self {
        let rows = first.rows.iter();
        let mut judge = Self {
            words: &first.words,
            unshown: rows.map(|row| (row.op as usize, row.unshown())).collect(),
            excused: FxHashMap::default(),
        };
        judge.excused = judge.old(first);
        judge
    }

    /// Whether the word stood at its place in the first snapshot.
    fn is_old(&self, word: &Word) -> bool {
        self.words
            .binary_search_by_key(&word.place, |old| old.place)
            .is_ok_and(|at| self.words[at].value == word.value)
    }

    fn new_words<'s>(&'s self, snapshot: &'s Snapshot) -> impl Iterator<Item = &'s Word> {
        let words = snapshot.words.iter();
        words.filter(|word| !self.is_old(word))
    }

    fn moment(&self, snapshot: &Snapshot, doubted: &FxHashSet<Field>) -> Excuses {
        let old = self.old(snapshot);
        let mut words: FxHashMap<usize, Vec<Field>> = FxHashMap::default();
        for word in self.new_words(snapshot) {
            if word.target == Target::Object && !doubted.contains(&word.field) {
                words.entry(word.value).or_default().push(word.field);
            }
        }
        let mut moment = Excuses {
            rows: snapshot.rows.clone(),
            new: FxHashMap::default(),
            steady: FxHashMap::default(),
        };
        for row in &mut moment.rows {
            let op = row.op as usize;
            let ob_type = snapshot.types[row.ob_type as usize].ob_type as usize;
            let old = old.get(&op).copied().unwrap_or(0);
            let unsaid = snapshot.unsaid.get(&op).copied().unwrap_or(0);
            let fields = words.get(&op).map_or(&[][..], Vec::as_slice);
            row.hidden = old + unsaid + fields.len() as isize;
            if row.is_outside || row.hidden == 0 {
                continue;
            }
            *moment.steady.entry(ob_type).or_default() += old + unsaid;
            for &field in fields {
                *moment.new.entry((field, ob_type)).or_default() += 1;
            }
        }
        moment
    }

    /// The references that old words still excuse.
    fn old(&self, snapshot: &Snapshot) -> FxHashMap<usize, isize> {
        let mut old: FxHashMap<usize, isize> = FxHashMap::default();
        for word in &snapshot.words {
            // An object without a row had no unshown reference.
            if word.target == Target::Object
                && self.unshown.get(&word.value).is_some_and(|&one| one > 0)
                && self.is_old(word)
            {
                *old.entry(word.value).or_default() += 1;
            }
        }
        for (op, words) in &mut old {
            *words = (*words).min(self.unshown[op]);
        }
        old
    }

    /// The fields whose new words are mostly no references.
    fn doubted(&self, snapshots: &[&Snapshot]) -> FxHashSet<Field> {
        let mut votes: FxHashMap<Field, isize> = FxHashMap::default();
        for snapshot in snapshots.iter().take_while(|_| !reserve::is_short()) {
            let old = self.old(snapshot);
            let mut words: FxHashMap<(Field, usize), isize> = FxHashMap::default();
            for word in self.new_words(snapshot) {
                match word.target {
                    Target::Nothing => *votes.entry(word.field).or_default() -= 1,
                    Target::Uncounted => (),
                    Target::Object => *words.entry((word.field, word.value)).or_default() += 1,
                }
            }
            let rows = snapshot.rows.iter();
            let unshown: FxHashMap<usize, isize> =
                rows.map(|row| (row.op as usize, row.unshown())).collect();
            let mut all: FxHashMap<usize, isize> = FxHashMap::default();
            for (&(_, op), words) in &words {
                *all.entry(op).or_default() += words;
            }
            for ((field, op), words) in words {
                let of = |words: &FxHashMap<usize, isize>| words.get(&op).copied().unwrap_or(0);
                // The new words did not bring references that C has held from the start, or that old words still are.
                let held = of(&self.unshown) - of(&self.excused) + of(&old);
                let gained = of(&unshown) - held;
                // An instance may store a reference in a few words, but not in many.
                let is_noted = of(&all) <= MOST_NOTES * gained;
                let gained = if is_noted { gained.clamp(0, words) } else { 0 };
                *votes.entry(field).or_default() += gained - (words - gained);
            }
        }
        let doubted = votes.into_iter().filter(|&(_, votes)| votes <= 0);
        doubted.map(|(field, _)| field).collect()
    }
}
