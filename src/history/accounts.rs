//! The account of each activation for one object: the references that it made and did not pass on.

use super::activations::{Calls, Code};

/// The accounts of all activations for one watched object.
#[derive(Debug)]
pub struct Accounts {
    /// What each activation keeps: its own changes, and what its callees gave it, without what it gave its caller.
    pub kept: Vec<i64>,
    /// The references that each activation gave its caller: 1 or 0.
    pub gave: Vec<i64>,
}

impl Accounts {
    /// The accounts for the object at `place`, whose address is `op`.
    #[must_use]
    pub fn of(calls: &Calls, place: usize, op: usize) -> Self {
        let count = calls.all.len();
        let mut accounts = Self {
            kept: vec![0; count],
            gave: vec![0; count],
        };
        // Callees come behind their callers.
        for at in (0..count).rev() {
            let one = &calls.all[at];
            let got: i64 = one.children.iter().map(|&child| accounts.gave[child]).sum();
            let has = one.sums[place] + got;
            let is_function = matches!(one.code, Code::Function(_));
            let passes_on = is_function
                && one.is_tail
                && one
                    .children
                    .last()
                    .is_some_and(|&last| accounts.gave[last] != 0);
            let mut gives = one.code != Code::Python && one.returned == Some(op) || passes_on;
            let is_called_here = one
                .parent
                .is_some_and(|parent| matches!(calls.all[parent].code, Code::Function(_)));
            if gives && has < 1 && (one.code == Code::Library || is_called_here) {
                // The reference that it returned is borrowed.
                gives = false;
            }
            accounts.gave[at] = gives.into();
            accounts.kept[at] = has - accounts.gave[at];
        }
        accounts
    }
}
