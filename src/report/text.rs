//! Renders a summary as text for a person.

use std::fmt::Write;

use super::facts::{Alive, Replaced, Summary, Symbol};

/// The most types listed; the others are added up.
const TYPES: usize = 20;
/// The most types whose births are shown.
const BIRTHS: usize = 5;
/// The most frames shown of a birth.
const FRAMES: usize = 6;

/// Renders a summary; each line ends with a newline.
#[must_use]
pub fn summary(summary: &Summary) -> String {
    let mut lines = vec![format!(
        "pyrefcore {} ({})",
        env!("CARGO_PKG_VERSION"),
        summary.flavour
    )];
    if let Some((births, deaths)) = summary.counted {
        lines.push(format!("  born  {births:>12}"));
        lines.push(format!("  died  {deaths:>12}"));
    }
    if let Some(alive) = &summary.alive {
        push_unseen(&mut lines, summary.counted, alive);
        push_alive(&mut lines, alive, summary.moment);
    }
    if let Some(symbols) = &summary.symbols {
        push_symbols(&mut lines, symbols);
    }
    lines.extend(summary.notes.iter().map(|note| format!("  note: {note}")));
    lines.join("\n") + "\n"
}

/// Adds the number of objects that disappeared without an announced death.
fn push_unseen(lines: &mut Vec<String>, counted: Option<(u64, u64)>, alive: &[Alive]) {
    let Some((births, deaths)) = counted else {
        return;
    };
    let alive: usize = alive.iter().map(|of_type| of_type.objects).sum();
    let unseen = births.saturating_sub(deaths + alive as u64);
    if unseen > 0 {
        lines.push(format!(
            "  gone  {unseen:>12}  without a call to _Py_Dealloc: their memory came back or was used again"
        ));
    }
}

fn push_alive(lines: &mut Vec<String>, alive: &[Alive], moment: &str) {
    let objects: usize = alive.iter().map(|of_type| of_type.objects).sum();
    let moment = if moment.is_empty() {
        String::new()
    } else {
        format!(" {moment}")
    };
    lines.push(format!("  alive {objects:>12}{moment}, by type:"));
    for (place, of_type) in alive.iter().take(TYPES).enumerate() {
        lines.push(format!(
            "        {:>12}  {}",
            of_type.objects,
            name(of_type)
        ));
        if place < BIRTHS && !of_type.birth.is_empty() {
            lines.push(format!(
                "                      {} of them born at",
                of_type.born_there
            ));
            let frames = of_type.birth.iter().take(FRAMES);
            lines.extend(frames.map(|frame| format!("                        {frame}")));
        }
    }
    if let Some(rest) = alive.get(TYPES..).filter(|rest| !rest.is_empty()) {
        let objects: usize = rest.iter().map(|of_type| of_type.objects).sum();
        lines.push(format!(
            "        {objects:>12}  of {} other types",
            rest.len()
        ));
    }
}

fn push_symbols(lines: &mut Vec<String>, symbols: &[Symbol]) {
    let headings = [
        (
            Replaced::Everywhere,
            "replaced in the interpreter and in extensions:",
        ),
        (
            Replaced::InExtensions,
            "replaced where extensions import them:",
        ),
        (
            Replaced::Nowhere,
            "not replaced, another definition comes first:",
        ),
    ];
    for (replaced, heading) in headings {
        let mut names = symbols
            .iter()
            .filter(|symbol| symbol.replaced == replaced)
            .map(|symbol| &*symbol.name);
        if let Some(first) = names.next() {
            lines.push(format!("  {heading}"));
            lines.extend(wrap(first, names));
        }
    }
}

/// Wraps names into lines that fit into a terminal.
fn wrap<'a>(first: &'a str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut lines = vec![format!("    {first}")];
    for name in names {
        let last = lines.len() - 1;
        if lines[last].len() + name.len() > 96 {
            lines.push(format!("    {name}"));
        } else {
            let _ = write!(lines[last], " {name}");
        }
    }
    lines
}

fn name(of_type: &Alive) -> &str {
    of_type
        .type_name
        .as_deref()
        .unwrap_or("(a type that can't be read any more)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::frames::Frame;

    fn alive(type_name: Option<&str>, objects: usize) -> Alive {
        Alive {
            type_name: type_name.map(Into::into),
            objects,
            birth: Vec::new(),
            born_there: 0,
        }
    }

    #[test]
    fn a_summary_has_only_the_watched_facts() {
        let empty = Summary {
            flavour: "cp311",
            ..Summary::default()
        };
        assert_eq!(
            summary(&empty),
            format!("pyrefcore {} (cp311)\n", env!("CARGO_PKG_VERSION"))
        );
    }

    #[test]
    fn a_summary_has_every_fact() {
        let mut node = alive(Some("Node"), 3);
        node.birth = vec![Frame {
            address: 1,
            function: Some("make".into()),
            ..Frame::default()
        }];
        node.born_there = 2;
        let full = Summary {
            flavour: "cp311",
            counted: Some((12, 6)),
            alive: Some(vec![node, alive(None, 1)]),
            symbols: Some(vec![
                Symbol {
                    name: "Py_IncRef".into(),
                    replaced: Replaced::InExtensions,
                },
                Symbol {
                    name: "_Py_Dealloc".into(),
                    replaced: Replaced::Everywhere,
                },
            ]),
            moment: "at noon",
            notes: vec!["a note".into()],
        };
        let expected = "  born            12
  died             6
  gone             2  without a call to _Py_Dealloc: their memory came back or was used again
  alive            4 at noon, by type:
                   3  Node
                      2 of them born at
                        make
                   1  (a type that can't be read any more)
  replaced in the interpreter and in extensions:
    _Py_Dealloc
  replaced where extensions import them:
    Py_IncRef
  note: a note
";
        assert_eq!(
            summary(&full).split_once('\n').map(|(_, rest)| rest),
            Some(expected)
        );
    }

    #[test]
    fn long_lists_are_added_up() {
        let many: Vec<Alive> = (0..30).map(|n| alive(Some("T"), 30 - n)).collect();
        let text = summary(&Summary {
            alive: Some(many),
            ..Summary::default()
        });
        assert!(
            text.ends_with("          55  of 10 other types\n"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 23);
    }
}
