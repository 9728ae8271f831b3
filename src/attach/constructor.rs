//! What the loader calls, before `main` and after it.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

use super::environment::Wishes;
use super::originals::Library;
use super::{
    allocator, audit, environment, exit, flavour, originals, preload, symbols, tracer_slot,
    variables,
};
use crate::abi::PyObject;
use crate::capi;
use crate::host::{self, own_memory};
use crate::lifecycle::birth::{self, Total};
use crate::watch::tracer::{self, Tracer};
use crate::watch::watchers::{self, Watcher};
use crate::watch::{fork, live};

// A unit test is no process that the library was attached to.
#[cfg(not(test))]
#[used]
#[unsafe(link_section = ".init_array")]
static ENTER: extern "C" fn() = enter;

#[cfg(not(test))]
#[used]
#[unsafe(link_section = ".fini_array")]
static LEAVE: extern "C" fn() = exit::leave;

/// The exit status of a process that was given the wrong library.
const MISUSE: c_int = 2;

/// Called by the loader: before `main`, on the only thread there is, unless the library is brought in later.
extern "C" fn enter() {
    own_memory::survive_forks();
    let preloaded = preload::is_preloaded();
    if let Some(python) = originals::find_python() {
        let wishes = environment::read();
        if preloaded && !wishes.children {
            preload::leave_the_children_alone();
        }
        if agrees(python, preloaded) {
            join(python, &wishes);
        }
    } else if preloaded {
        // Preloaded into something else, like the shell that starts the Python that is meant; or into a
        // program that brings its Python in later, which is the first to make an object.
        let late = Tracer {
            function: Some(late_python),
            data: null_mut(),
        };
        host::await_interpreter(true);
        // SAFETY: the function may be called with any data.
        unsafe { watchers::set_tracer(late) };
    } else {
        variables::share(None);
        if live::remembers_the_dead() {
            watchers::set(Watcher::Live, true);
        }
        watch(&environment::read());
    }
}

/// The first object is born, or in 3.8 the first dies, in a process that was loaded without a CPython.
unsafe extern "C" fn late_python(op: *mut PyObject, event: c_int, _data: *mut c_void) -> c_int {
    // SAFETY: no other tracer is set, and the host's lock is held as at every birth.
    unsafe {
        watchers::set_tracer(Tracer::NONE);
        host::await_interpreter(false);
        if let Some(python) = originals::find_python_anywhere()
            && agrees(python, true)
        {
            // A birth is undone, and done again as it is in a host. Other threads may read the environment
            // now, so LD_PRELOAD stays as it is.
            if event == tracer::CREATE {
                birth::undo(op);
            }
            join(python, &environment::read());
            if event == tracer::CREATE {
                birth::new_reference(op, Total::Counted);
            }
        }
    }
    0
}

/// Whether the host counts as we do. If not, says so; a process that was given the library as a preload is
/// ended before it has an object, and one that has opened it goes on without it.
fn agrees(python: &Library, preloaded: bool) -> bool {
    let Err(mismatch) = flavour::check(&flavour::of_host(python)) else {
        return true;
    };
    host::say(&format!("pyrefcore: {mismatch}\n"));
    if preloaded {
        // SAFETY: no object exists, so nothing is left undone.
        unsafe { libc::_exit(MISUSE) }
    }
    false
}

/// Takes part in a host.
fn join(python: &'static Library, wishes: &Wishes) {
    // SAFETY: it is the loader's turn, or the host's lock is held as at every birth.
    unsafe {
        host::enter(originals::resolve(python));
        capi::follow_host();
    }
    symbols::remember_where();
    variables::share(Some(python));
    tracer_slot::share();
    watchers::when_live_starts(allocator::hook_when_ready);
    audit::open_door(python);
    watch(wishes);
}

/// Switches on what was asked for.
fn watch(wishes: &Wishes) {
    fork::take_part(audit::locks);
    let reporting = wishes.report.is_some();
    let watchers = [
        (Watcher::Live, wishes.live || reporting),
        (Watcher::BirthStacks, wishes.trace),
        (Watcher::Count, reporting),
    ];
    for (watcher, _) in watchers.into_iter().filter(|(_, wanted)| *wanted) {
        if !watchers::set(watcher, true) {
            host::say("pyrefcore: there is no memory for the live table\n");
        }
    }
    if let Some(report) = &wishes.report {
        exit::report_to(report.clone());
    }
}
