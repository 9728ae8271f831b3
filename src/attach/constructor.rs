//! What the loader calls, before `main` and after it.

use std::ffi::c_int;

use super::environment::Wishes;
use super::{allocator, environment, exit, flavour, originals, preload, tracer_slot, variables};
use crate::host;
use crate::watch::events::{self, Watcher};
use crate::watch::live;

// A unit test is no process that somebody attached to.
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

/// Called by the loader before `main`, on the only thread there is.
extern "C" fn enter() {
    let python = originals::find_python();
    if python.is_none() && preload::is_preloaded() {
        // Preloaded into something else, like the shell that starts the Python that is meant.
        return;
    }
    let wishes = environment::read();
    if let Some(library) = python {
        if let Err(mismatch) = flavour::check(&flavour::of_host(&library)) {
            host::say(&format!("pyrefcore: {mismatch}\n"));
            // SAFETY: nothing has begun, so nothing is left undone.
            unsafe { libc::_exit(MISUSE) }
        }
        preload::leave_the_children_alone(wishes.children);
        host::enter(originals::resolve(&library));
        variables::share(Some(&library));
        tracer_slot::share();
        events::when_live_starts(allocator::hook_when_ready);
    } else {
        variables::share(None);
        if live::remembers_the_dead() {
            events::set(Watcher::Live, true);
        }
    }
    watch(&wishes);
}

/// Switches on what was asked for.
fn watch(wishes: &Wishes) {
    let reporting = wishes.report.is_some();
    let watchers = [
        (Watcher::Live, wishes.live || reporting),
        (Watcher::BirthStacks, wishes.trace),
        (Watcher::Count, reporting),
    ];
    for (watcher, _) in watchers.into_iter().filter(|(_, wanted)| *wanted) {
        if !events::set(watcher, true) {
            host::say("pyrefcore: there is no memory for the live table\n");
        }
    }
    if let Some(report) = &wishes.report {
        exit::report_to(report.clone());
    }
}
