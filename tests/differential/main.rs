//! One process, two libraries: the same random operations on twin objects, ours and CPython's.
//!
//! `tests/differential/run.sh` builds this program, finds the CPythons and starts it once for each. The program
//! does not depend on the flavour it was built with: it reads the layouts of the flavour that it is told.
//!
//! Each library is opened so that its names are visible to nobody else; ours finds no CPython then and works
//! alone. Objects, types and what their functions do belong to this program, which makes a pair of each. After
//! each operation the two must agree: on answers, on the words of every object's head, on what died in which
//! order and what finalizers and tracers were told, on totals, and on the list of all objects. Proptest makes
//! the sequences up and shrinks one on which the two differ; children run them, so that a crash is a finding too.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program, and that is its output"
)]

mod alone;
mod child;
mod fatal;
mod flavour;
mod hunt;
mod kinds;
mod library;
mod listing;
mod memory;
mod operation;
mod other_thread;
mod side;
mod stack;
mod strange;
mod twins;

use std::process::ExitCode;

use flavour::Flavour;
use library::{Library, Symbol};
use side::Side;

const USAGE: &str =
    "differential FLAVOUR OURS LIBPYTHON OPERATIONS SEED; tests/differential/run.sh runs it";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, ours, theirs, operations, seed] = &arguments[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match compare(name, ours, theirs, operations, seed) {
        Ok(failures) => ExitCode::from(u8::from(failures > 0)),
        Err(reason) => {
            eprintln!("differential: {reason}");
            ExitCode::from(2)
        }
    }
}

/// Compares the two, prints the counts, and returns how many comparisons failed.
fn compare(
    name: &str,
    ours: &str,
    theirs: &str,
    operations: &str,
    seed: &str,
) -> Result<usize, String> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| format!("'{text}' is no number; {USAGE}"))
    };
    let flavour = Flavour::parse(name).ok_or_else(|| format!("'{name}' is no flavour; {USAGE}"))?;
    let (operations, seed) = (number(operations)?, number(seed)?);
    // Ours first: it looks for a CPython when it is loaded.
    let ours = Library::open(ours)?;
    let theirs = Library::open(theirs)?;
    alone::check(&ours, &theirs, name)?;
    theirs.call(Symbol::Py_InitializeEx, &[0]);
    // A first import stops the world, and a second thread that waits for its turn would not stop.
    theirs.call(
        Symbol::PyRun_SimpleString,
        &[c"import _tracemalloc".as_ptr() as usize],
    );
    if theirs.has(Symbol::PyGC_Disable) {
        theirs.call(Symbol::PyGC_Disable, &[]);
    }
    let sides = [
        Side::new(ours, flavour, false),
        Side::new(theirs, flavour, true),
    ];
    // What is made once is made before anything is compared.
    sides[1].run_nothing();
    alone::check_births(sides)?;
    alone::ask_micro_release(sides[1]);
    let failures = usize::from(!hunt::hunt(sides, operations, seed)) + fatal::compare(sides);
    println!(
        "{} passed, {failures} failed, 0 skipped",
        1 + fatal::count(sides) - failures
    );
    Ok(failures)
}
