//! The text of a finding.

use super::Difference;
use crate::side::Event;

/// a, b, ... z, aa, ...
pub(super) fn name(id: usize) -> String {
    let letter = char::from(b'a' + (id % 26) as u8);
    if id < 26 {
        letter.into()
    } else {
        format!("{}{letter}", name(id / 26 - 1))
    }
}

pub(super) fn names(ids: &[usize]) -> String {
    ids.iter().map(|id| name(*id)).collect::<Vec<_>>().join(" ")
}

/// Both logs from one event before the first difference on.
pub(super) fn told_apart(ours: &[Event], theirs: &[Event]) -> Difference {
    let same = ours
        .iter()
        .zip(theirs)
        .take_while(|(ours, theirs)| ours == theirs)
        .count();
    let [ours, theirs] = [ours, theirs].map(|log| {
        let from = same.saturating_sub(1);
        let mut said: Vec<String> = log[from..].iter().take(5).map(say).collect();
        if from > 0 {
            said.insert(0, format!("({from} more)"));
        }
        said.extend((log.len() > from + 5).then(|| "...".into()));
        if said.is_empty() {
            "nothing".into()
        } else {
            said.join("; ")
        }
    });
    format!("what happened:\n    pyrefcore: {ours}\n    CPython:   {theirs}")
}

pub(super) fn say(event: &Event) -> String {
    match event {
        Event::Died(id) => format!("{} died", name(*id)),
        Event::Aside(id) => format!("{} was put aside", name(*id)),
        Event::Finalized(id) => format!("{} was finalized", name(*id)),
        Event::Resurrected(id) => format!("{} resurrected itself", name(*id)),
        Event::Emptied(id) => format!("{} emptied its first slot", name(*id)),
        Event::Traced(which, event, id) => format!("tracer {which} heard {event} of {}", name(*id)),
        Event::TracedNone(which, event) => format!("tracer {which} heard {event}"),
    }
}
