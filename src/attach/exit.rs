//! The summary at exit, where the environment asks for one.

use std::fs::OpenOptions;
use std::sync::OnceLock;

use super::environment::Target;
use super::symbols;
use crate::abi::FLAVOUR;
use crate::host;
use crate::report::facts::{Replaced, Summary, Symbol};
use crate::report::{census, text};

/// Where the summary goes, and the process that was asked: a fork of it is not.
static REPORT: OnceLock<(Target, u32)> = OnceLock::new();

/// From now on there is a summary at exit; says at once if the file can't be written.
pub(super) fn report_to(target: Target) {
    if let Target::File(path) = &target
        && let Err(error) = OpenOptions::new().append(true).create(true).open(path)
    {
        host::say(&format!(
            "pyrefcore: PYREFCORE_REPORT={}: {error}\n",
            path.display()
        ));
        return;
    }
    let _ = REPORT.set((target, std::process::id()));
}

/// Called by the loader after `main`, and after the interpreter has finished.
pub(super) extern "C" fn leave() {
    let Some((target, process)) = REPORT.get() else {
        return;
    };
    if *process != std::process::id() {
        return;
    }
    let summary = text::summary(&summary());
    match target {
        Target::Stderr => host::say(&summary),
        Target::File(path) => {
            if let Err(error) = std::fs::write(path, &summary) {
                host::say(&format!(
                    "pyrefcore: PYREFCORE_REPORT={}: {error}\n",
                    path.display()
                ));
            }
        }
    }
}

fn summary() -> Summary {
    let mut summary = census::take();
    if host::has_interpreter() {
        summary.symbols = symbols::in_host();
        if let Some(note) = note_on(summary.symbols.as_deref()) {
            summary.notes.push(note.into());
        }
        if FLAVOUR.minor == 8 {
            let note = "CPython 3.8 compiles births into its own code, so only deaths are seen";
            summary.notes.push(note.into());
            summary.alive = None;
        }
        summary.moment = "after the interpreter has finished";
    }
    summary
}

/// What the reader has to know of the symbols.
fn note_on(symbols: Option<&[Symbol]>) -> Option<&'static str> {
    let Some(symbols) = symbols else {
        return Some(
            "the files of the libraries can't be read, so nothing is known of the symbols",
        );
    };
    // One function stands for all; a variable would not: it is found through a table even where functions are bound.
    let everywhere = symbols
        .iter()
        .any(|symbol| symbol.replaced == Replaced::Everywhere && symbol.name == "_Py_Dealloc");
    (!everywhere).then_some(
        "this interpreter binds its own calls directly (libpython is linked statically, or with -Bsymbolic), \
         so what it does itself is not seen",
    )
}
