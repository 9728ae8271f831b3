//! Tests of the architecture: a layer uses only layers below it, and only the selectors choose the flavour.

use std::fs;
use std::path::{Path, PathBuf};

/// Lowest layer first. `lib.rs` draws the same layers, highest first.
const LAYERS: [&str; 9] = [
    "abi",
    "host",
    "refcount",
    "watch",
    "lifecycle",
    "audit",
    "report",
    "capi",
    "attach",
];

const SELECTORS: [&str; 4] = [
    "abi/mod.rs",
    "abi/type_object.rs",
    "refcount/mod.rs",
    "capi/mod.rs",
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

#[test]
fn layers_point_down_only() {
    let rank = |layer: &str| LAYERS.iter().position(|&other| other == layer);
    let mut arrows = 0;
    for (file, text) in sources() {
        let Some(own) = file.split_once('/').and_then(|(layer, _)| rank(layer)) else {
            continue;
        };
        for used in text.split("crate::").skip(1) {
            let used = used
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or("");
            if let Some(used) = rank(used) {
                arrows += 1;
                assert!(
                    used <= own,
                    "{file} uses {}, which stands above {}",
                    LAYERS[used],
                    LAYERS[own]
                );
            }
        }
    }
    assert!(arrows > 50, "the test reads the sources");
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
