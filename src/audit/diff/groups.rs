//! Groups the types that are one type to a reader: a function that defines a class creates a new type in each run.

use rustc_hash::FxHashMap;
use std::ffi::{CStr, CString};
use std::ptr::null_mut;

use super::snapshot::{Snapshot, TypeRow};
use crate::abi::PyTypeObject;

/// The identity of a type: its name for a heap type, its address for a static type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::audit) enum Identity<'a> {
    Name(&'a CStr),
    Place(usize),
}

impl TypeRow {
    pub(in crate::audit) fn key(&self) -> Identity<'_> {
        if self.is_heap {
            Identity::Name(&self.name)
        } else {
            Identity::Place(self.ob_type as usize)
        }
    }
}

/// The types of several snapshots, by group number.
#[derive(Debug)]
pub(in crate::audit) struct Groups<'a> {
    /// The group of each type, for each snapshot.
    numbers: Vec<Vec<usize>>,
    /// The types of each group in the last snapshot.
    last: Vec<Vec<&'a TypeRow>>,
    /// The group of each type of the last snapshot, by the type's address.
    places: FxHashMap<usize, usize>,
}

impl<'a> Groups<'a> {
    pub(in crate::audit) fn of(snapshots: &[&'a Snapshot]) -> Self {
        let mut known = FxHashMap::default();
        let number = |of_type: &'a TypeRow| {
            let next = known.len();
            *known.entry(of_type.key()).or_insert(next)
        };
        let all = snapshots.iter().map(|snapshot| snapshot.types.iter());
        let mut number = number;
        let numbers: Vec<Vec<usize>> = all.map(|types| types.map(&mut number).collect()).collect();
        let mut last = vec![Vec::new(); known.len()];
        let mut places = FxHashMap::default();
        if let (Some(snapshot), Some(numbers)) = (snapshots.last(), numbers.last()) {
            for (of_type, &number) in snapshot.types.iter().zip(numbers) {
                last[number].push(of_type);
                places.insert(of_type.ob_type as usize, number);
            }
        }
        Self {
            numbers,
            last,
            places,
        }
    }

    /// The number of groups.
    pub(in crate::audit) fn count(&self) -> usize {
        self.last.len()
    }

    /// The group of a type, by the number of the snapshot and the type's index there.
    pub(in crate::audit) fn number(&self, snapshot: usize, ob_type: usize) -> usize {
        self.numbers[snapshot][ob_type]
    }

    /// The group of a type that the last snapshot has.
    pub(in crate::audit) fn find(&self, ob_type: usize) -> Option<usize> {
        self.places.get(&ob_type).copied()
    }

    /// The type of a group that has exactly one type in the last snapshot; null if there are more or if it has died.
    pub(in crate::audit) fn ob_type(&self, number: usize) -> *mut PyTypeObject {
        match self.last[number][..] {
            [of_type] if !of_type.is_gone => of_type.ob_type,
            _ => null_mut(),
        }
    }

    /// The types of a group in the last snapshot.
    pub(in crate::audit) fn types(&self, number: usize) -> &[&'a TypeRow] {
        &self.last[number]
    }

    /// The name of a group; empty if the last snapshot has no type of it.
    pub(in crate::audit) fn name(&self, number: usize) -> CString {
        let first = self.last[number].first();
        first.map_or_else(CString::default, |of_type| of_type.name.clone())
    }
}
