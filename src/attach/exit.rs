//! The summary at exit, where the environment asks for one.

use std::fs::OpenOptions;
use std::sync::OnceLock;

use super::environment::Target;
use super::symbols;
use crate::abi::FLAVOUR;
use crate::host;
use crate::report::facts::{Replaced, Summary};
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
        let symbols = symbols::in_host();
        if symbols
            .iter()
            .all(|symbol| symbol.replaced != Replaced::Everywhere)
        {
            summary.notes.push(
                "this interpreter binds its own calls directly (libpython is linked statically, or with \
                 -Bsymbolic), so what it does itself is not seen"
                    .into(),
            );
        }
        if FLAVOUR.minor == 8 {
            let note = "CPython 3.8 compiles births into its own code, so only deaths are seen";
            summary.notes.push(note.into());
            summary.alive = None;
        }
        summary.symbols = Some(symbols);
        summary.moment = "after the interpreter has finished";
    }
    summary
}
