//! What the environment asks for: `PYREFCORE` and `PYREFCORE_REPORT`.

use std::env;
use std::path::PathBuf;

use crate::host;

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) live: bool,
    pub(super) trace: bool,
    pub(super) children: bool,
    pub(super) report: Option<Target>,
}

/// Where a report goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Stderr,
    File(PathBuf),
}

/// Reads the environment; says, in one line each, what it does not know.
pub(super) fn read() -> Wishes {
    let words = env::var_os("PYREFCORE").unwrap_or_default();
    let words = words.to_string_lossy();
    let (mut wishes, unknown) = parse(&words);
    for word in unknown {
        host::say(&format!(
            "pyrefcore: PYREFCORE={word}: known are live, trace and children\n"
        ));
    }
    wishes.report = env::var_os("PYREFCORE_REPORT")
        .filter(|target| !target.is_empty())
        .map(|target| {
            if target == "stderr" {
                Target::Stderr
            } else {
                Target::File(std::path::absolute(&target).unwrap_or_else(|_| target.into()))
            }
        });
    wishes
}

fn parse(words: &str) -> (Wishes, Vec<&str>) {
    let mut wishes = Wishes::default();
    let mut unknown = Vec::new();
    for word in words
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        match word {
            "live" => wishes.live = true,
            "trace" => wishes.trace = true,
            "children" => wishes.children = true,
            _ => unknown.push(word),
        }
    }
    (wishes, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_separated_by_commas() {
        let live = Wishes {
            live: true,
            ..Wishes::default()
        };
        assert_eq!(parse(""), (Wishes::default(), vec![]));
        assert_eq!(parse("live"), (live.clone(), vec![]));
        assert_eq!(
            parse(" live ,,trace"),
            (
                Wishes {
                    trace: true,
                    ..live.clone()
                },
                vec![]
            )
        );
        assert_eq!(parse("live,lively"), (live, vec!["lively"]));
    }
}
