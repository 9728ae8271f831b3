//! Tests of the architecture: a layer uses only layers below it, and only the selectors choose the flavour.

use std::fs;
use std::path::{Path, PathBuf};

/// Lowest layer first. `lib.rs` draws the same layers, highest first.
const LAYERS: [&str; 10] = [
    "abi",
    "host",
    "refcount",
    "watch",
    "lifecycle",
    "audit",
    "history",
    "report",
    "capi",
    "attach",
];

/// Folders and files inside a layer, lowest first. Those of one line stand side by side.
const INSIDE: [(&str, &[&str]); 3] = [
    ("capi", &["pyrefcore", "cpython"]),
    (
        "audit",
        &["heap", "holds", "walk", "guard", "diff", "attachment"],
    ),
    (
        "lifecycle",
        &[
            "misuse",
            "refcnt",
            "gc",
            "allocation",
            "all_objects",
            "death trashcan",
            "merge",
            "count",
            "birth",
            "containers",
            "immortality",
            "finalizer",
        ],
    ),
];

/// CPython's own recursion: a death may put other objects aside, and those die later.
const CIRCLES: [[&str; 2]; 1] = [["lifecycle/death.rs", "lifecycle/trashcan.rs"]];

const SELECTORS: [&str; 4] = [
    "abi/mod.rs",
    "abi/type_object.rs",
    "refcount/mod.rs",
    "capi/cpython/mod.rs",
];

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the folder is readable") {
            let path = entry.expect("the entry is readable").path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    let relative = |path: &PathBuf| {
        path.strip_prefix(&root)
            .expect("below src")
            .display()
            .to_string()
    };
    files
        .iter()
        .map(|path| (relative(path), fs::read_to_string(path).expect("readable")))
        .collect()
}

/// The paths that a path with braces stands for.
fn expand(path: &str) -> Vec<String> {
    let Some((front, rest)) = path.split_once('{') else {
        return vec![path.trim().to_owned()];
    };
    let (mut depth, mut part, mut parts) = (0, String::new(), Vec::new());
    for letter in rest.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(letter);
    }
    parts.push(part);
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts
        .flat_map(|part| expand(part.trim()))
        .map(|part| format!("{}{part}", front.trim()))
        .collect()
}

/// The files that a file uses, by the paths in its text. Its tests may use everything.
fn used_by(file: &str, text: &str, files: &[String]) -> Vec<String> {
    let mut own: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    if own.last() == Some(&"mod") {
        own.pop();
    }
    let code: String = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or("")
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""))
        .collect::<Vec<_>>()
        .join(" ");
    let mut used = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            if code[..at].ends_with("super::") {
                continue;
            }
            let rest = &code[at..];
            let end = match rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':') {
                Some(brace) if rest[brace..].starts_with('{') => rest.find(';'),
                end => end,
            };
            for path in expand(&rest[..end.unwrap_or(rest.len())]) {
                let mut steps: Vec<&str> = path.split("::").map(str::trim).collect();
                let mut place = if steps[0] == "crate" {
                    steps.remove(0);
                    Vec::new()
                } else {
                    own.clone()
                };
                while steps.first() == Some(&"super") {
                    steps.remove(0);
                    place.pop();
                }
                place.extend(steps);
                used.extend((1..=place.len()).rev().find_map(|length| {
                    let path = place[..length].join("/");
                    let names = [format!("{path}.rs"), format!("{path}/mod.rs")];
                    names.into_iter().find(|name| files.contains(name))
                }));
            }
        }
    }
    // A folder's own file stands for what it re-exports.
    used.retain(|other| other != file && !own_folder(other, file));
    used
}

fn own_folder(other: &str, file: &str) -> bool {
    other
        .strip_suffix("mod.rs")
        .is_some_and(|folder| file.starts_with(folder))
}

fn arrows() -> Vec<(String, Vec<String>)> {
    let sources = sources();
    let files: Vec<String> = sources.iter().map(|(file, _)| file.clone()).collect();
    let arrows = sources.iter().filter(|(file, _)| file != "layers.rs");
    arrows
        .map(|(file, text)| (file.clone(), used_by(file, text, &files)))
        .collect()
}

/// The place of a file among the names, by the first part of its path.
fn rank(names: &[&str], path: &str) -> Option<usize> {
    let first = path.split('/').next()?.trim_end_matches(".rs");
    names
        .iter()
        .position(|name| name.split(' ').any(|one| one == first))
}

#[test]
fn layers_point_down_only() {
    let (mut outer, mut inner) = (0, 0);
    for (file, used) in arrows() {
        for other in &used {
            if let (Some(own), Some(its)) = (rank(&LAYERS, &file), rank(&LAYERS, other)) {
                outer += 1;
                assert!(its <= own, "{file} uses {other}, which stands above it");
            }
            for (layer, names) in INSIDE {
                let inside = |path: &str| rank(names, path.strip_prefix(layer)?.strip_prefix('/')?);
                if let (Some(own), Some(its)) = (inside(&file), inside(other)) {
                    inner += usize::from(own != its);
                    assert!(its <= own, "{file} uses {other}, which stands above it");
                }
            }
        }
    }
    assert!(
        outer > 300 && inner > 50,
        "the test reads the sources: {outer}, {inner}"
    );
}

#[test]
fn no_file_uses_itself_through_others() {
    let arrows = arrows();
    let used_by = |file: &str| {
        let (_, used) = arrows.iter().find(|(name, _)| name == file)?;
        Some(used.as_slice())
    };
    for (file, _) in &arrows {
        let (mut found, mut at) = (vec![file.as_str()], 0);
        while let Some(&other) = found.get(at) {
            at += 1;
            for next in used_by(other).unwrap_or(&[]) {
                let is_known = CIRCLES
                    .iter()
                    .any(|circle| circle.contains(&other) && circle.contains(&next.as_str()));
                assert!(
                    is_known || next != file,
                    "{file} uses itself through {other}"
                );
                if !is_known && !found.contains(&next.as_str()) {
                    found.push(next);
                }
            }
        }
    }
}

#[test]
fn every_folder_is_a_layer() {
    for (file, _) in sources() {
        if let Some((folder, _)) = file.split_once('/') {
            assert!(
                LAYERS.contains(&folder),
                "src/{folder} is no layer: name its place in lib.rs and here"
            );
        }
    }
}

#[test]
fn flavours_are_chosen_in_the_selectors() {
    let flavour_cfgs = ["Py_3_", "Py_GIL_DISABLED", "py_sys_config"];
    for (file, text) in sources() {
        if SELECTORS.contains(&&*file) || file == "layers.rs" {
            continue;
        }
        for line in text.lines().filter(|line| line.contains("cfg")) {
            let found = flavour_cfgs.iter().find(|cfg| line.contains(**cfg));
            assert_eq!(found, None, "src/{file} is no selector: {line}");
        }
    }
}

/// Elsewhere a decision asks a fact of `Flavour`. A table of places by version is a `match`.
#[test]
fn versions_are_compared_in_one_file() {
    for (file, text) in sources() {
        if file == "abi/flavour.rs" || file == "layers.rs" {
            continue;
        }
        for (at, found) in text.match_indices("FLAVOUR.minor") {
            let next = text[at + found.len()..].trim_start();
            let before = text[..at].trim_end_matches("crate::abi::").trim_end();
            let is_compared = ["< ", "<= ", "> ", ">= ", "== ", "!= "]
                .iter()
                .any(|sign| next.starts_with(sign) || before.ends_with(sign.trim_end()));
            let line = text[..at].lines().count();
            assert!(
                !is_compared,
                "src/{file}:{line} compares a version: name the fact in abi/flavour.rs"
            );
        }
    }
}

/// The page has the order of the layers in its first picture, and the file of each step in its tables.
#[test]
fn the_architecture_page_is_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/architecture.md")).expect("readable");
    let highest_first: Vec<&str> = LAYERS.iter().rev().copied().collect();
    let order = highest_first.join(" --> ");
    assert!(page.contains(&order), "the first picture lacks {order}");
    let mut files = 0;
    for code in page.split('`').skip(1).step_by(2) {
        if code.ends_with(".rs") || code.ends_with(".h") {
            files += 1;
            assert!(
                root.join("src").join(code).is_file(),
                "docs/architecture.md names src/{code}, which does not exist"
            );
        }
    }
    assert!(files > 20, "the test reads the page");
}

#[test]
fn no_file_is_long() {
    for (file, text) in sources() {
        let lines = text.lines().count();
        assert!(
            lines <= 400,
            "src/{file} has {lines} lines: it holds more than one noun"
        );
    }
}
