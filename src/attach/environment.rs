//! Reads the environment: `PYREFCORE` and `PYREFCORE_REPORT`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::host;

/// The requests in the environment.
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

/// Reads the environment, and prints a line for each unknown word. Ignores the environment if the program has more
/// rights than the user who starts it.
pub(super) fn read() -> Wishes {
    // SAFETY: getauxval takes any number.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        return Wishes::default();
    }
    let words = env::var_os("PYREFCORE").unwrap_or_default();
    let words = words.to_string_lossy();
    let (mut wishes, unknown) = parse(&words);
    for word in unknown {
        host::say(&format!(
            "pyrefcore: PYREFCORE={word}: unknown; the known words are live, trace and children\n"
        ));
    }
    wishes.report = env::var_os("PYREFCORE_REPORT")
        .filter(|target| !target.is_empty())
        .map(|target| {
            if target == "stderr" {
                Target::Stderr
            } else {
                file(&target)
            }
        });
    wishes
}

/// The file that a report goes to. In its name, `%p` stands for the process id.
fn file(target: &OsStr) -> Target {
    let process = std::process::id().to_string();
    let named: Vec<&[u8]> = target.as_bytes().split(|&byte| byte == b'%').collect();
    let mut path = named[0].to_vec();
    for rest in &named[1..] {
        match rest.strip_prefix(b"p") {
            Some(rest) => path.extend([process.as_bytes(), rest].concat()),
            None => path.extend([b"%", *rest].concat()),
        }
    }
    let path = PathBuf::from(OsString::from_vec(path));
    Target::File(std::path::absolute(&path).unwrap_or(path))
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
    fn a_file_can_be_named_after_the_process() {
        let named = |text: &str| file(OsStr::new(text));
        let process = std::process::id();
        assert_eq!(
            named("/a/%p-%p.txt"),
            Target::File(format!("/a/{process}-{process}.txt").into())
        );
        assert_eq!(named("/a/50%"), Target::File("/a/50%".into()));
        assert_eq!(named("/a/100%q"), Target::File("/a/100%q".into()));
    }

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
