//! Words that were in memory before the block that they now lead to.
//!
//! A block that is handed out may lie where freed memory lay, and other memory may still contain the old address. Such a
//! word holds nothing: a word that holds a block was written after the block was handed out.

use rustc_hash::FxHashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::word::may_be_address;

/// A place in memory, and the word that stood there.
type WordAt = (usize, usize);

/// The words of the last search that led to no memory in use then.
static LAST: Mutex<Option<FxHashSet<WordAt>>> = Mutex::new(None);

/// The words of the last search, and of the search that runs now.
#[derive(Debug, Default)]
pub(in crate::audit) struct OldWords {
    before: FxHashSet<WordAt>,
    now: Vec<WordAt>,
}

impl OldWords {
    /// Starts with the words that the last search has kept.
    pub(in crate::audit) fn of_last_search() -> Self {
        Self {
            before: last().take().unwrap_or_default(),
            now: Vec::new(),
        }
    }

    /// Notes a word that leads to no noted block now.
    #[inline]
    pub(in crate::audit) fn add(&mut self, place: usize, word: usize) {
        if may_be_address(word) {
            self.now.push((place, word));
        }
    }

    /// Whether this word stood in this place before the block that it now leads to was handed out.
    pub(in crate::audit) fn is_old(&mut self, place: usize, word: usize) -> bool {
        let is_old = self.before.contains(&(place, word));
        if is_old {
            self.now.push((place, word));
        }
        is_old
    }

    /// Keeps the words of this search for the next one, if they lead to no memory in use. Memory in use may be handed out
    /// anew in the same place, by `realloc` for example, and then its old address still holds it.
    pub(in crate::audit) fn keep(&mut self, leads_nowhere: impl Fn(usize) -> bool) {
        let before = std::mem::take(&mut self.before);
        let all = std::mem::take(&mut self.now).into_iter();
        let stays = |one: &WordAt| before.contains(one) || leads_nowhere(one.1);
        *last() = Some(all.filter(stays).collect());
    }
}

/// Drops the words. Blocks that are noted from now on may be older than they.
pub(in crate::audit) fn forget() {
    *last() = None;
}

/// Keeps other threads out of this file while the guard lives: a fork then copies no lock that is taken.
#[must_use]
pub fn lock() -> impl std::any::Any {
    last()
}

fn last() -> MutexGuard<'static, Option<FxHashSet<WordAt>>> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_old_while_it_stays() {
        const IN_USE: usize = 1 << 21;
        let search = |met: &[WordAt], led: WordAt| {
            let mut words = OldWords::of_last_search();
            for &(place, word) in met {
                words.add(place, word);
            }
            let is_old = words.is_old(led.0, led.1);
            words.keep(|word| word != IN_USE);
            is_old
        };
        let word = 1 << 20;
        forget();
        assert!(!search(&[(8, word)], (16, word)));
        for _ in 0..2 {
            assert!(search(&[], (8, word)));
        }
        assert!(!search(&[(8, word)], (8, word + 16)));
        assert!(search(&[], (8, word)));
        assert!(!search(&[(8, IN_USE)], (8, IN_USE)));
        assert!(!search(&[], (8, IN_USE)));
        forget();
        assert!(!search(&[], (8, word)));
    }
}
