//! Fatal errors: both libraries must end the process in the same way, with the same message.

use crate::child::{self, End};
use crate::kinds::Kind;
use crate::library::Symbol;
use crate::memory::store;
use crate::side::Side;
use crate::strange::{self, Image};

/// Seconds; a child that prints a fatal error needs less.
const PATIENCE: u32 = 20;

/// One fatal error.
struct Case {
    symbol: Symbol,
    kind: Kind,
    image: Image,
    /// Stored as the object's type just before the call.
    ob_type: Option<usize>,
}

/// The file and line that the first line names if the caller gives them.
const PLACE: &std::ffi::CStr = c"module.c";
const LINE: usize = 42;

fn cases(sides: [&'static Side; 2]) -> Vec<Case> {
    let flavour = sides[0].flavour;
    let both = |symbol: Symbol| sides.iter().all(|side| side.has(symbol));
    let mut cases = Vec::new();
    let mut add = |symbol, kind, image, ob_type| {
        if both(symbol) {
            cases.push(Case {
                symbol,
                kind,
                image,
                ob_type,
            });
        }
    };
    for kind in [Kind::Plain, Kind::Box] {
        if flavour.ref_debug {
            for image in strange::fatal_to_release(flavour) {
                for symbol in [Symbol::Py_DecRef, Symbol::_Py_DecRef] {
                    add(symbol, kind, image, None);
                }
            }
        }
        let one = strange::one(flavour);
        for image in strange::fatal_to_release(flavour).into_iter().chain([one]) {
            add(Symbol::_Py_NegativeRefcount, kind, image, None);
        }
        for freed in [
            0xDDDD_DDDD_DDDD_DDDD,
            0xCDCD_CDCD_CDCD_CDCD,
            0xFDFD_FDFD_FDFD_FDFD,
            0,
        ] {
            add(Symbol::_Py_NegativeRefcount, kind, one, Some(freed));
        }
        add(Symbol::PyObject_CallFinalizerFromDealloc, kind, one, None);
        if flavour.trace_refs {
            add(Symbol::_Py_Dealloc, kind, Image::Count(usize::MAX), None);
        }
    }
    cases
}

/// How many comparisons there are.
pub(crate) fn count(sides: [&'static Side; 2]) -> usize {
    cases(sides).len()
}

/// Compares all cases, prints the differences and returns their number.
pub(crate) fn compare(sides: [&'static Side; 2]) -> usize {
    let mut failures = 0;
    for case in cases(sides) {
        let [ours, theirs] = sides.map(|side| last_words(side, &case));
        let ended = matches!(theirs.0, End::Signal(_));
        if ours != theirs || !ended {
            failures += 1;
            let Case {
                symbol,
                kind,
                image,
                ob_type,
            } = case;
            let ob_type = ob_type.map_or(String::new(), |word| format!(" and type {word:#x}"));
            println!(
                "  {} on a {kind:?} with the words {image:x?}{ob_type}:",
                symbol.name()
            );
            for (name, (end, text)) in [("pyrefcore", ours), ("CPython", theirs)] {
                println!("    {name}: {end:?}\n      {}", text.join("\n      "));
            }
        }
    }
    failures
}

/// How a child ends, and its message without the parts that differ from process to process.
fn last_words(side: &'static Side, case: &Case) -> (End, Vec<String>) {
    let op = side.object(0);
    let (end, text) = child::hear(Some(PATIENCE), || {
        side.enter();
        side.prepare(op, case.kind, 0, 0);
        side.call(Symbol::PyObject_Init, &[op, side.types[case.kind as usize]]);
        if case.kind.is_container() {
            side.track(op);
        }
        case.image.store(side, op);
        if let Some(ob_type) = case.ob_type {
            store(op + side.flavour.head() - 8, ob_type);
        }
        let words = [op, op, op];
        let place = [PLACE.as_ptr() as usize, LINE, op];
        side.call(
            case.symbol,
            if case.symbol == Symbol::_Py_NegativeRefcount {
                &place
            } else {
                &words
            },
        );
    });
    let names = [(op, "OBJECT"), (side.types[case.kind as usize], "TYPE")];
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        for (address, name) in names {
            line = line.replace(&format!("{address:#x}"), name);
        }
        if lines.is_empty() && !line.starts_with("module.c:42: ") {
            line = without_place(&line);
        }
        lines.push(line);
        // The lines after this one describe an interpreter, and our side has none.
        if lines
            .last()
            .is_some_and(|line| line.starts_with("Fatal Python error: "))
        {
            break;
        }
    }
    (end, lines)
}

/// A first line without the source file and line at its start: CPython names a file of CPython there.
fn without_place(line: &str) -> String {
    let mut parts = line.splitn(3, ':');
    match (
        parts.next(),
        parts.next().map(str::parse::<u32>),
        parts.next(),
    ) {
        (Some(_), Some(Ok(_)), Some(rest)) => format!("PLACE:{rest}"),
        _ => line.to_owned(),
    }
}
