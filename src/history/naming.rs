//! Pairs the accounts of a run: the function that is left over is the one that took the reference, or released it.

use std::collections::BTreeMap;

use super::accounts::Accounts;
use super::activations::{Calls, Code};
use super::callees;
use super::log::RDI;

/// How a function was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No other function of an extension has an account left.
    Only = 1,
    /// Its account equals the finding; those of others don't.
    Exact = 2,
    /// It is a `tp_dealloc`, and the dying object still held the reference.
    Dealloc = 3,
    /// It returned a container that holds more references than it has taken.
    Container = 4,
    /// No other function had the object in a register.
    Held = 5,
}

/// The functions that may be to blame, by their numbers; and the rule if it is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// One function, or several candidates.
    pub functions: Vec<u32>,
    /// How it was found; `None` for candidates.
    pub rule: Option<Rule>,
}

impl Verdict {
    fn of(functions: Vec<u32>, rule: Rule) -> Self {
        let rule = (functions.len() == 1).then_some(rule);
        Self { functions, rule }
    }
}

/// What is known of the object besides the run.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Its place among the watched objects.
    pub place: usize,
    /// Its address.
    pub op: usize,
    /// How many references the run leaves unexplained; negative if it releases too many.
    pub references: i64,
    /// For a type: its `tp_dealloc`.
    pub dealloc: Option<usize>,
    /// Its address may be in a register by chance, as that of `None`.
    pub is_everywhere: bool,
}

/// Names the function of one object.
///
/// A function that another function of an extension has called may do its part rightly: it may hand a reference over
/// through an argument, or take one over. So its callers are candidates beside it, and none is named.
#[must_use]
pub fn name(calls: &Calls, accounts: &Accounts, subject: Subject) -> Verdict {
    let mut verdict = left_over(calls, accounts, subject);
    if let (&[named], Some(Rule::Only | Rule::Exact | Rule::Held)) =
        (&verdict.functions[..], verdict.rule)
    {
        for one in calls
            .all
            .iter()
            .filter(|one| number(one.code) == Some(named))
        {
            let caller = one.parent.and_then(|parent| number(calls.all[parent].code));
            if let Some(caller) = caller.filter(|caller| !verdict.functions.contains(caller)) {
                verdict.functions.push(caller);
                verdict.rule = None;
            }
        }
    }
    verdict
}

fn left_over(calls: &Calls, accounts: &Accounts, subject: Subject) -> Verdict {
    let sign = subject.references.signum();
    let mut own: BTreeMap<u32, i64> = BTreeMap::new();
    let mut others: BTreeMap<u32, i64> = BTreeMap::new();
    for (at, &kept) in accounts
        .kept
        .iter()
        .enumerate()
        .filter(|(_, kept)| **kept != 0)
    {
        match calls.all[at].code {
            Code::Function(number) => *own.entry(number).or_default() += kept,
            _ => {
                if let Some(number) = function_of(calls, at) {
                    *others.entry(number).or_default() += kept;
                }
            }
        }
    }
    let with_sign = |all: &BTreeMap<u32, i64>| -> Vec<u32> {
        let found = all.iter().filter(|(_, kept)| **kept * sign > 0);
        found.map(|(number, _)| *number).collect()
    };
    let candidates = with_sign(&own);
    if sign > 0
        && let Some((number, is_sure)) = forgetful(calls, subject, &candidates)
    {
        let mut functions = if is_sure { Vec::new() } else { candidates };
        if !functions.contains(&number) {
            functions.push(number);
        }
        return Verdict {
            functions,
            rule: is_sure.then_some(Rule::Dealloc),
        };
    }
    if candidates.len() == 1 {
        return Verdict::of(candidates, Rule::Only);
    }
    if candidates.is_empty() {
        if sign < 0 {
            let found = uncovered(calls, subject);
            if !found.is_empty() {
                return Verdict::of(found, Rule::Container);
            }
        }
        let found = with_sign(&others);
        if !found.is_empty() {
            // The instances of a type may hold it without showing that. Then nothing is missing in a call.
            let is_type = subject.dealloc.is_some();
            // Code of Python that a call has run may have taken it.
            let is_quiet = (0..calls.all.len())
                .filter(|&at| calls.all[at].code == Code::Library && accounts.kept[at] * sign > 0)
                .all(|at| callees::is_quiet(calls.all[at].site[0]));
            return Verdict {
                rule: (found.len() == 1 && !is_type && is_quiet).then_some(Rule::Only),
                functions: found,
            };
        }
        if accounts.kept[0] * sign >= subject.references.abs() {
            // Code outside of all extensions has it.
            return Verdict::default();
        }
        let found = holders(calls, subject);
        let is_alone = found.len() == 1 && !subject.is_everywhere;
        return Verdict {
            rule: is_alone.then_some(Rule::Held),
            functions: found,
        };
    }
    let exact: Vec<u32> = candidates
        .iter()
        .copied()
        .filter(|number| own[number] == subject.references)
        .collect();
    match exact[..] {
        [_] => Verdict::of(exact, Rule::Exact),
        _ => Verdict {
            functions: candidates,
            rule: None,
        },
    }
}

fn number(code: Code) -> Option<u32> {
    match code {
        Code::Function(number) => Some(number),
        _ => None,
    }
}

fn function_of(calls: &Calls, at: usize) -> Option<u32> {
    number(calls.all[calls.function_of(at)?].code)
}

/// The `tp_dealloc` that kept a reference: that of an object that held the leaked one, or that of the leaked type. It is
/// sure if there are no `candidates`, or if one of them has seen the dying object: it took the reference for it. Else the
/// dying object may only have borrowed it.
fn forgetful(calls: &Calls, subject: Subject, candidates: &[u32]) -> Option<(u32, bool)> {
    let place = subject.place;
    if candidates.is_empty() {
        let forgot = calls
            .all
            .iter()
            .find(|one| Some(one.site[0]) == subject.dealloc)?;
        return Some((number(forgot.code)?, true));
    }
    let forgot = calls.all.iter().find(|one| {
        let kept = one
            .after
            .is_some_and(|after| after[place] == one.before[place]);
        one.is_dealloc && one.owned[place] > 0 && kept && one.before[place] > 0
    })?;
    let dying = forgot.seen.first()?.registers[RDI];
    let has_seen = |number: &u32| {
        let mut all = calls.all.iter();
        all.any(|one| {
            one.code == Code::Function(*number) && one.seen.iter().any(|seen| seen.gets(dying))
        })
    };
    let is_sure = candidates.iter().any(has_seen);
    Some((number(forgot.code)?, is_sure))
}

/// The outermost functions that returned a container with more references to the object than they made.
fn uncovered(calls: &Calls, subject: Subject) -> Vec<u32> {
    let place = subject.place;
    let mut found = Vec::new();
    for one in &calls.all {
        let is_outermost = one
            .parent
            .is_none_or(|parent| calls.function_of(parent).is_none());
        if let (Code::Function(number), Some(after), true) = (one.code, one.after, is_outermost)
            && after[place] - one.before[place] < i64::from(one.held[place])
            && !found.contains(&number)
        {
            found.push(number);
        }
    }
    found
}

/// The functions that had the object in a register.
fn holders(calls: &Calls, subject: Subject) -> Vec<u32> {
    let mut found = Vec::new();
    for one in &calls.all {
        if let Code::Function(number) = one.code
            && one.seen.iter().any(|seen| seen.has(subject.op))
            && !found.contains(&number)
        {
            found.push(number);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::log::{Event, RAX, RSP};
    use super::super::site::Kinds;
    use super::*;

    /// The address of the object.
    const OP: usize = 0x5000;

    /// Events of calls from CPython into functions. Each has a number, which is also where its code lies.
    #[derive(Default)]
    struct Script {
        events: Vec<Event>,
        count: i64,
    }

    impl Script {
        fn event(&mut self, address: usize, kinds: Kinds, stack: usize, result: usize) {
            let mut event = Event {
                address,
                next: address + 1,
                kinds,
                function: (address >> 8) as u32,
                ..Event::default()
            };
            (event.registers[RSP], event.registers[RAX]) = (stack, result);
            event.counts[0] = self.count;
            self.events.push(event);
        }

        /// One call: the function counts `own`, a call in it changes the count by `called` and returns `got`, and the
        /// function returns `result`.
        fn call(
            mut self,
            function: usize,
            own: i64,
            called: i64,
            got: usize,
            result: usize,
        ) -> Self {
            let code = function << 8;
            self.event(code, Kinds::ENTRY, 0x1000, 0);
            self.event(code + 1, Kinds::STORE, 0x0ff0, 0);
            self.count += own;
            self.event(code + 2, Kinds::CALL, 0x0ff0, 0);
            self.count += called;
            self.event(code + 3, Kinds::AFTER, 0x0ff0, got);
            self.event(0xffff, Kinds::OUTSIDE, 0x1008, result);
            self
        }

        /// A change outside of all functions.
        fn outside(mut self, by: i64) -> Self {
            self.event(0xffff, Kinds::default(), 0x1008, 0);
            self.count += by;
            self.event(0xffff, Kinds::default(), 0x1008, 0);
            self
        }

        fn judge(self, references: i64, is_everywhere: bool) -> (Vec<u32>, Option<Rule>) {
            let calls = Calls::of(&self.events);
            let accounts = Accounts::of(&calls, 0, OP);
            let subject = Subject {
                place: 0,
                op: OP,
                references,
                dealloc: None,
                is_everywhere,
            };
            let verdict = name(&calls, &accounts, subject);
            (verdict.functions, verdict.rule)
        }
    }

    fn script() -> Script {
        Script::default().outside(0)
    }

    #[test]
    fn a_function_with_an_account_is_named_alone() {
        // It counts one reference and keeps it; another counts one and gives it back.
        let only = script().call(1, 1, 0, 0, 0).call(2, 0, 0, 0, 0).outside(0);
        assert_eq!(only.judge(1, false), (vec![1], Some(Rule::Only)));
        // It gets a new reference from a call; another returns it to CPython.
        let made = script()
            .call(3, 0, 1, OP, 0)
            .call(4, 0, 1, OP, OP)
            .outside(-1);
        assert_eq!(made.judge(1, false), (vec![3], Some(Rule::Only)));
        // It releases what it got as a borrowed reference.
        let released = script().call(5, -1, 0, OP, 0).outside(0);
        assert_eq!(released.judge(-1, false), (vec![5], Some(Rule::Only)));
    }

    #[test]
    fn of_several_accounts_the_equal_one_is_named() {
        let exact = script().call(1, 2, 0, 0, 0).call(2, 1, 0, 0, 0).outside(-1);
        assert_eq!(exact.judge(2, false), (vec![1], Some(Rule::Exact)));
        let both = script().call(1, 1, 0, 0, 0).call(2, 1, 0, 0, 0).outside(0);
        assert_eq!(both.judge(2, false), (vec![1, 2], None));
        let same = script().call(1, 1, 0, 0, 0).call(2, 1, 0, 0, 0).outside(-1);
        assert_eq!(same.judge(1, false), (vec![1, 2], None));
    }

    #[test]
    fn a_function_that_another_one_calls_is_not_named_alone() {
        // Function 6 calls function 1, which counts one reference and keeps it.
        let mut script = script();
        script.event(6 << 8, Kinds::ENTRY, 0x1000, 0);
        script.event((6 << 8) + 1, Kinds::CALL, 0x0ff0, 0);
        script.event(1 << 8, Kinds::ENTRY, 0x0fe8, 0);
        script.event((1 << 8) + 1, Kinds::STORE, 0x0fe0, 0);
        script.count += 1;
        script.event((1 << 8) + 2, Kinds::STORE, 0x0fe0, 0);
        script.event((6 << 8) + 2, Kinds::AFTER, 0x0ff0, 0);
        script.event(0xffff, Kinds::OUTSIDE, 0x1008, 0);
        assert_eq!(script.outside(0).judge(1, false), (vec![1, 6], None));
    }

    #[test]
    fn the_function_that_had_the_object_is_named_if_it_is_alone_and_no_singleton() {
        let one = || script().call(1, 0, 0, OP, 0).outside(0);
        assert_eq!(one().judge(-1, false), (vec![1], Some(Rule::Held)));
        assert_eq!(one().judge(-1, true), (vec![1], None));
        let two = script()
            .call(1, 0, 0, OP, 0)
            .call(2, 0, 0, OP, 0)
            .outside(0);
        assert_eq!(two.judge(-1, false), (vec![1, 2], None));
        let none = script().call(1, 0, 0, 0, 0).outside(-1);
        assert_eq!(none.judge(-1, false), (vec![], None));
    }

    #[test]
    fn a_container_that_holds_more_than_was_taken_is_uncovered() {
        let mut script = script().call(1, 0, 0, 0, 0);
        script.events.last_mut().expect("the return").held[0] = 1;
        assert_eq!(
            script.outside(-1).judge(-1, false),
            (vec![1], Some(Rule::Container))
        );
    }

    #[test]
    fn a_dealloc_that_leaves_the_count_forgot_what_it_held() {
        let mut script = script().call(1, 1, 0, 0, 0);
        let at = script.events.len();
        script = script.call(2, 0, 0, 0, 0);
        (script.events[at].is_dealloc, script.events[at].held[0]) = (true, 1);
        assert_eq!(
            script.outside(0).judge(1, false),
            (vec![2], Some(Rule::Dealloc))
        );
    }
}
