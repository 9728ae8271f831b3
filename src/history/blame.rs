//! The place in the source of a named function: the instruction that took the reference, or the call that made it.

use super::accounts::Accounts;
use super::activations::{Calls, Code, Seen};
use super::functions::is_header;
use super::log::ARGUMENTS;
use super::naming::{Rule, Subject};
use super::site::Kinds;
use crate::watch::frames::{self, Frame};

/// What a function did with the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It counted a reference that nothing gives back.
    Took = 1,
    /// It got a new reference from a call, and did not give it back.
    Made = 2,
    /// It ended an object that held the reference, and did not give it back.
    Forgot = 3,
    /// It released a reference that it did not own.
    Released = 4,
}

/// A function that is to blame, or a candidate.
#[derive(Clone, Debug)]
pub struct Culprit {
    /// 1 for a reference too many, and -1 for one too few.
    pub delta: i64,
    /// What it did.
    pub what: What,
    /// How it was found; `None` for a candidate.
    pub rule: Option<Rule>,
    /// The address of the instruction.
    pub address: usize,
    /// The frames at that address: first the function that is named, then those into which it is inlined.
    pub frames: Vec<Frame>,
}

/// A change of the count, by a function of an extension or in a call that it made.
struct Use {
    by: i64,
    site: [usize; 2],
    /// An instruction, or a function, that only counts.
    is_count: bool,
    /// The function had the reference itself afterwards.
    is_own: bool,
}

/// More frames than functions are inlined into one another.
const FRAMES: usize = 64;

/// The place of a function that was named, or is a candidate.
#[must_use]
pub fn place(
    calls: &Calls,
    accounts: &Accounts,
    subject: Subject,
    function: u32,
    rule: Option<Rule>,
) -> Culprit {
    let sign = subject.references.signum();
    let entry = calls
        .all
        .iter()
        .find(|one| one.code == Code::Function(function));
    let entry = entry.map_or([0; 2], |one| one.site);
    let mut culprit = Culprit {
        delta: sign,
        what: What::Forgot,
        rule,
        address: entry[0],
        frames: Vec::new(),
    };
    if rule == Some(Rule::Dealloc) {
        culprit.frames = cut(chain(entry), 1);
        return culprit;
    }
    let uses = uses(calls, accounts, subject, function);
    let gains = |is_count: bool| -> Vec<&Use> {
        let wanted = |one: &&Use| one.by * sign > 0 && one.is_own && (one.is_count || !is_count);
        uses.iter().filter(wanted).collect()
    };
    let counted = gains(true);
    let losses = uses
        .iter()
        .filter(|one| one.is_count && one.by * sign < 0)
        .count();
    let is_counted = counted.len() > losses;
    let all = if is_counted { counted } else { gains(false) };
    let mut at = left_over(&uses, &all, sign).map(|one| one.site);
    if at.is_none() {
        // No change was the function's own: a call took the reference, or was given what was not its own.
        let by_calls = uses.iter().rev().find(|one| one.by * sign > 0);
        at = by_calls
            .map(|one| one.site)
            .or_else(|| passed_on(calls, subject, function));
    }
    let at = at.unwrap_or(entry);
    culprit.address = at[0];
    culprit.what = match (sign < 0, is_counted) {
        (true, _) => What::Released,
        (false, true) => What::Took,
        (false, false) => What::Made,
    };
    let mut chains: Vec<Vec<Frame>> = all.iter().map(|one| chain(one.site)).collect();
    let mut may_descend = is_counted;
    if !is_counted {
        let mut others: Vec<[usize; 2]> = uses.iter().map(|one| one.site).collect();
        others.dedup();
        if others.len() <= 1 && !subject.is_everywhere {
            others.extend(last_seen(calls, accounts, subject, function));
        }
        may_descend = others.len() > 1;
        chains.extend(others.into_iter().map(chain));
    }
    let depth = if may_descend { shared(&chains) } else { 1 };
    culprit.frames = cut(chain(at), depth);
    culprit
}

/// The changes in the activations of a function and in the library calls that they made.
fn uses(calls: &Calls, accounts: &Accounts, subject: Subject, function: u32) -> Vec<Use> {
    let mut uses = Vec::new();
    for (at, one) in calls.all.iter().enumerate() {
        let own = calls.function_of(at).map(|own| calls.all[own].code);
        if own != Some(Code::Function(function)) {
            continue;
        }
        let changes = one
            .changes
            .iter()
            .filter(|change| change.place == subject.place);
        if one.code == Code::Library {
            let is_count = changes
                .clone()
                .any(|change| change.is_count && change.site == one.site);
            if one.sums[subject.place] != 0 {
                uses.push(Use {
                    by: one.sums[subject.place],
                    site: one.site,
                    is_count,
                    is_own: is_count || accounts.gave[at] != 0,
                });
            }
        } else {
            uses.extend(changes.map(|change| Use {
                by: change.by,
                site: change.site,
                is_count: change.is_count,
                is_own: true,
            }));
        }
    }
    uses
}

/// The first of `all` that no later opposite change gives back. A change pairs with the nearest one before it.
fn left_over<'a>(uses: &'a [Use], all: &[&'a Use], sign: i64) -> Option<&'a Use> {
    let (mut left, mut before): (Vec<&Use>, i64) = (Vec::new(), 0);
    for one in uses {
        if all.iter().any(|gain| std::ptr::eq(*gain, one)) {
            if before > 0 {
                before -= 1;
            } else {
                left.push(one);
            }
        } else if one.by * sign < 0 && one.is_count && left.pop().is_none() {
            before += 1;
        }
    }
    left.first().or(all.last()).copied()
}

/// The last call that had the object as an argument; without one, the last site at which a register had it.
fn passed_on(calls: &Calls, subject: Subject, function: u32) -> Option<[usize; 2]> {
    let own = calls
        .all
        .iter()
        .filter(|one| one.code == Code::Function(function));
    let seen: Vec<&Seen> = own.flat_map(|one| &one.seen).collect();
    let is_argument = |seen: &&&Seen| {
        let is_call = seen.kinds.has(Kinds::CALL.and(Kinds::TAIL));
        is_call
            && ARGUMENTS
                .iter()
                .any(|&number| seen.registers[number] == subject.op)
    };
    let last = seen.iter().rev().find(is_argument);
    let last = last.or_else(|| seen.iter().rev().find(|seen| seen.has(subject.op)));
    last.map(|seen| seen.site)
}

/// The last site of each unbalanced activation at which a register still has the object.
fn last_seen(
    calls: &Calls,
    accounts: &Accounts,
    subject: Subject,
    function: u32,
) -> Vec<[usize; 2]> {
    let all = calls.all.iter().zip(&accounts.kept);
    all.filter(|(one, kept)| one.code == Code::Function(function) && **kept != 0)
        .filter_map(|(one, _)| {
            let last = one.seen.iter().rev().find(|seen| seen.has(subject.op));
            last.map(|seen| seen.site)
        })
        .collect()
}

/// The frames at a site, outermost first, without those of CPython's headers.
fn chain(site: [usize; 2]) -> Vec<Frame> {
    let mut frames = frames::resolve(&[site[0] + frames::BEHIND], FRAMES);
    let is_theirs = |frame: &Frame| frame.function.as_deref().is_some_and(is_header);
    if !frames.iter().all(is_theirs) {
        frames.retain(|frame| !is_theirs(frame));
    }
    for frame in &mut frames {
        frame.offset = frame.offset.map(|offset| offset - frames::BEHIND);
        frame.address = site[0];
    }
    frames.reverse();
    frames
}

/// How many functions, from the outermost on, all chains have in common; at least 1.
fn shared(chains: &[Vec<Frame>]) -> usize {
    let Some(first) = chains.first() else {
        return 1;
    };
    let same = |depth: &usize| {
        let function = |chain: &Vec<Frame>| chain.get(*depth).map(|frame| frame.function.clone());
        chains
            .iter()
            .all(|chain| function(chain) == function(first))
    };
    (0..first.len()).take_while(same).count().max(1)
}

/// The first `depth` frames of a chain, innermost first.
fn cut(mut chain: Vec<Frame>, depth: usize) -> Vec<Frame> {
    chain.truncate(depth);
    chain.reverse();
    chain
}
