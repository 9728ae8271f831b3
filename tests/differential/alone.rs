//! Checks that the two libraries do not use each other: otherwise they would agree for the wrong reason.

use std::sync::atomic::Ordering::Relaxed;

use std::ffi::CStr;
use std::mem::MaybeUninit;

use crate::kinds::{Kind, TRACERS};
use crate::library::{Library, Symbol};
use crate::side::{CREATE, DESTROY, Event, Side};
use crate::stack;

/// Neither library has global symbols, and no function belongs to both.
pub(crate) fn check(ours: &Library, theirs: &Library, flavour: &str) -> Result<(), String> {
    for name in [c"Py_GetVersion", c"_Py_Dealloc"] {
        // SAFETY: dlsym takes a C string.
        if !unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }.is_null() {
            return Err(format!(
                "{name:?} is visible to both libraries; is something preloaded?"
            ));
        }
    }
    // SAFETY: the library returns a static C string.
    let built = unsafe { CStr::from_ptr(ours.call(Symbol::pyrefcore_flavour, &[]) as *const _) };
    if built.to_bytes() != flavour.as_bytes() {
        return Err(format!(
            "the library is one for {built:?}, not for {flavour}"
        ));
    }
    for symbol in Symbol::ALL {
        let found = [ours, theirs].map(|library| library.address(symbol.name()));
        if found[0] != 0 && found[1] != 0 && file_of(found[0]) == file_of(found[1]) {
            return Err(format!("{} is the same function in both", symbol.name()));
        }
    }
    Ok(())
}

/// The file that an address was loaded from.
fn file_of(address: usize) -> String {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr takes any address. `info` is writable, and it is read only if dladdr has filled it.
    unsafe {
        assert!(
            libc::dladdr(address as *const _, info.as_mut_ptr()) != 0,
            "{address:#x} is in no file"
        );
        CStr::from_ptr(info.assume_init().dli_fname)
            .to_string_lossy()
            .into_owned()
    }
}

/// Our library counts the births and deaths of our side only.
pub(crate) fn check_births(sides: [&'static Side; 2]) -> Result<(), String> {
    const COUNT: usize = 4;
    let ours = &sides[0].library;
    ours.call(Symbol::pyrefcore_watch, &[COUNT]);
    let counts = || {
        [Symbol::pyrefcore_births, Symbol::pyrefcore_deaths].map(|symbol| ours.call(symbol, &[]))
    };
    for (side, expected) in sides.iter().zip([1, 0]) {
        side.enter();
        let before = counts();
        let (op, ob_type) = (side.object(0), side.types[Kind::Plain as usize]);
        side.prepare(op, Kind::Plain, 0, 0);
        side.call(Symbol::PyObject_Init, &[op, ob_type]);
        side.call(Symbol::Py_DecRef, &[op]);
        std::mem::take(&mut *side.events());
        let seen = [0, 1].map(|n| counts()[n] - before[n]);
        if seen != [expected; 2] {
            return Err(format!(
                "ours has seen {seen:?} births and deaths of {}'s, not {expected}",
                side.name
            ));
        }
    }
    ours.call(Symbol::pyrefcore_unwatch, &[COUNT]);
    Ok(())
}

/// Finds out which behaviour of CPython depends on the micro release, and prints what the comparison leaves out.
pub(crate) fn ask_micro_release(side: &'static Side) {
    if side.flavour.minor == 13 {
        println!(
            "  left out: chains over 45 deep, which 3.13 puts aside ten thousand deep and pyrefcore fifty"
        );
    }
    if !side.has(Symbol::PyRefTracer_SetTracer) || side.flavour.trace_refs {
        return;
    }
    let op = side.object(0);
    let tells_resurrection = traced(side, CREATE, || {
        side.call(Symbol::_Py_ResurrectReference, &[op]);
    });
    side.tells_resurrection.store(tells_resurrection, Relaxed);
    if tells_resurrection {
        println!(
            "  left out: this CPython tells the tracer of a resurrection; later ones of its version don't"
        );
    }
    if side.flavour.minor < 14 {
        return;
    }
    side.prepare(op, Kind::Box, 0, 0);
    side.call(Symbol::PyObject_Init, &[op, side.types[Kind::Box as usize]]);
    side.track(op);
    let tells_aside = traced(side, DESTROY, || {
        stack::near_its_end(&|| {
            side.call(Symbol::Py_DecRef, &[op]);
        });
        assert!(side.events().is_empty(), "a container was not put aside");
        side.call(
            Symbol::_PyTrash_thread_destroy_chain,
            &[side.thread_state()],
        );
    });
    side.tells_aside.store(tells_aside, Relaxed);
    if !tells_aside {
        println!(
            "  left out: this CPython tells the tracer of no container that it has put aside; later ones of its version do"
        );
    }
}

/// Whether the tracer gets a `wanted` event of the first object during `act`.
fn traced(side: &'static Side, wanted: i32, act: impl FnOnce()) -> bool {
    side.enter();
    let first = TRACERS[0] as *const () as usize;
    side.call(Symbol::PyRefTracer_SetTracer, &[first, 0]);
    act();
    side.call(Symbol::PyRefTracer_SetTracer, &[0, 0]);
    std::mem::take(&mut *side.events())
        .iter()
        .any(|event| matches!(event, Event::Traced(_, told, 0) if *told == wanted))
}
