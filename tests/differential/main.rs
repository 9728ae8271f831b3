//! One process, two libraries: the same random operations on twin objects, ours and CPython's.
//!
//! `tests/differential/operations.py` builds this program, and starts it once for each CPython. The program
//! does not depend on the flavour it was built with: an argument names the flavour whose layouts it uses.
//!
//! Each library is opened without making its names global, so ours finds no CPython and works alone. This program
//! (the driver) owns the objects, the types and their functions, and makes a pair of each. After each operation the
//! two libraries must agree on answers, totals, the list of all objects, and the words of every object's head. They
//! must also agree on the order of deaths, and on the events of finalizers and tracers. Proptest generates the
//! sequences and shrinks a sequence on which the two differ. Children run the sequences, so that a crash is a finding too.

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
    "differential FLAVOUR OURS LIBPYTHON OPERATIONS SEED; pytest tests/differential runs it";

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

/// Compares the two libraries, prints the counts, and returns how many comparisons failed.
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
    // Ours first: it looks for a CPython when it is loaded, and must find none.
    let ours = Library::open(ours)?;
    let theirs = Library::open(theirs)?;
    alone::check(&ours, &theirs, name)?;
    theirs.call(Symbol::Py_InitializeEx, &[0]);
    // The first import stops the world. Import now: later a second thread may wait for its turn, and would not stop.
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
    // CPython allocates some objects only once. Let it do so before the comparison starts.
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
