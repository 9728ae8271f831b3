//! Collects the facts for a report.

use std::collections::HashMap;

use super::facts::{Alive, Summary};
use crate::abi::FLAVOUR;
use crate::watch::stacks::StackId;
use crate::watch::watchers::{self, Watcher};
use crate::watch::{birth_stacks, frames, live, stacks, type_name};

/// The facts about this process now.
#[must_use]
pub fn take() -> Summary {
    Summary {
        flavour: FLAVOUR.name,
        counted: watchers::is_on(Watcher::Count).then(watchers::counted),
        alive: watchers::is_on(Watcher::Live).then(|| alive_by_type(0)),
        ..Summary::default()
    }
}

#[derive(Default)]
struct TypeCounts {
    objects: usize,
    births: HashMap<StackId, usize>,
}

/// The live objects that were born in `generation` or later, by type. The type with the most objects comes first.
#[must_use]
pub fn alive_by_type(generation: u8) -> Vec<Alive> {
    let mut by_type: HashMap<usize, TypeCounts> = HashMap::new();
    live::visit_places(generation, |op| {
        if live::is_alive(op)
            && let Some(word) = type_name::type_word(op)
        {
            let of_type = by_type.entry(word).or_default();
            of_type.objects += 1;
            if let Some(stack) = birth_stacks::of(op) {
                *of_type.births.entry(stack).or_default() += 1;
            }
        }
        true
    });
    let mut alive: Vec<Alive> = by_type
        .into_iter()
        .map(|(word, of_type)| describe(word, of_type))
        .collect();
    alive.sort_by(|a, b| {
        b.objects
            .cmp(&a.objects)
            .then_with(|| a.type_name.cmp(&b.type_name))
    });
    alive
}

fn describe(word: usize, of_type: TypeCounts) -> Alive {
    let most = of_type
        .births
        .into_iter()
        .max_by_key(|&(stack, births)| (births, std::cmp::Reverse(stack)));
    Alive {
        type_name: type_name::of_type(word),
        objects: of_type.objects,
        birth: most.map_or_else(Vec::new, |(stack, _)| {
            frames::resolve(&stacks::get(stack), birth_stacks::FRAMES)
        }),
        born_there: most.map_or(0, |(_, births)| births),
    }
}
