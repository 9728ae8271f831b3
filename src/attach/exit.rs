//! Writes the summary at exit, if the environment asks for one.

use std::sync::OnceLock;

use super::environment::Target;
use super::symbols;
use crate::abi::FLAVOUR;
use crate::host::{self, KeptStderr};
use crate::report::facts::{Replaced, Summary, Symbol};
use crate::report::{census, file, text};

/// A request for a summary.
struct Order {
    target: Target,
    /// The process that writes the summary. Its forks write none.
    process: u32,
    /// The target of errors, and of a summary on standard error. `None` if there is no standard error.
    stderr: Option<KeptStderr>,
}

static REPORT: OnceLock<Order> = OnceLock::new();

/// Requests a summary at exit. Prints at once if it can't be written.
pub(super) fn report_to(target: Target) {
    let stderr = KeptStderr::new();
    let problem = match &target {
        Target::Stderr => stderr.as_ref().err().map(ToString::to_string),
        Target::File(path) => file::prepare(path).err().map(|error| error.to_string()),
    };
    if let Some(problem) = problem {
        host::say(&complaint(&target, &problem));
        let _ = stderr.inspect(KeptStderr::close);
        return;
    }
    let order = Order {
        target,
        process: std::process::id(),
        stderr: stderr.ok(),
    };
    if REPORT.set(order).is_ok() {
        // SAFETY: the function takes nothing and lives as long as the library, which is never unloaded.
        unsafe { libc::pthread_atfork(None, None, Some(leave_it_to_the_parent)) };
    }
}

fn complaint(target: &Target, problem: &str) -> String {
    let target = match target {
        Target::Stderr => "stderr".into(),
        Target::File(path) => path.to_string_lossy(),
    };
    format!("pyrefcore: PYREFCORE_REPORT={target}: {problem}\n")
}

/// Closes our duplicate of standard error in a forked child. The child may close its standard error and outlive its
/// parent; our duplicate would keep the pipe open.
unsafe extern "C" fn leave_it_to_the_parent() {
    if let Some(stderr) = REPORT.get().and_then(|order| order.stderr.as_ref()) {
        stderr.close();
    }
}

/// Called by the loader after `main`, and after the interpreter has finished.
pub(super) extern "C" fn leave() {
    let Some(order) = REPORT.get() else {
        return;
    };
    if order.process != std::process::id() {
        return;
    }
    let summary = text::summary(&summary());
    let said = match &order.target {
        Target::Stderr => Some(summary),
        Target::File(path) => file::write(path, &summary)
            .err()
            .map(|error| complaint(&order.target, &error.to_string())),
    };
    if let (Some(said), Some(stderr)) = (said, &order.stderr) {
        stderr.say(&said);
    }
}

fn summary() -> Summary {
    let mut summary = census::take();
    if host::has_interpreter() {
        summary.symbols = symbols::in_host();
        if let Some(note) = note_on(summary.symbols.as_deref()) {
            summary.notes.push(note.into());
        }
        if FLAVOUR.births_are_inline() {
            let note = "CPython 3.8 compiles births into its own code, so only deaths are seen";
            summary.notes.push(note.into());
            summary.alive = None;
        }
        summary.moment = "after the interpreter has finished";
    }
    summary
}

/// A note for the reader about the symbols.
fn note_on(symbols: Option<&[Symbol]>) -> Option<&'static str> {
    let Some(symbols) = symbols else {
        return Some(
            "the files of the libraries can't be read, so it is not known which symbols are replaced",
        );
    };
    // One function stands for all. A variable would not: it is found through a table even if calls are bound directly.
    let everywhere = symbols
        .iter()
        .any(|symbol| symbol.replaced == Replaced::Everywhere && symbol.name == "_Py_Dealloc");
    (!everywhere).then_some(
        "this interpreter binds its own calls directly (libpython is linked statically, or with -Bsymbolic), \
         so its own calls are not seen",
    )
}
