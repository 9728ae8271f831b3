//! The functions that the loader calls, before `main` and after it.

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

// Unit tests do not attach the library to their process.
#[cfg(not(test))]
#[used]
#[unsafe(link_section = ".init_array")]
static ENTER: extern "C" fn() = enter;

#[cfg(not(test))]
#[used]
#[unsafe(link_section = ".fini_array")]
static LEAVE: extern "C" fn() = exit::leave;

/// The exit status of a process that was started with the wrong library.
const MISUSE: c_int = 2;

/// Called by the loader: before `main`, on the only thread, or later, if the library is opened by a running program.
extern "C" fn enter() {
    own_memory::survive_forks();
    let preloaded = preload::is_preloaded();
    if let Some(python) = originals::find_python() {
        let wishes = environment::read();
        if preloaded && !wishes.children {
            // SAFETY: the constructor of a preloaded library runs before `main`, on the only thread.
            unsafe { preload::leave_the_children_alone() };
        }
        if agrees(python, preloaded) {
            // SAFETY: this is the only thread, or it opens the library and holds the host's lock.
            unsafe { join(python, &wishes) };
        }
    } else if preloaded {
        // This process runs no CPython. It may be a shell that starts the Python in question. Or it is a program that
        // loads its Python later; then its first birth finds that Python.
        let late = Tracer {
            function: Some(late_python),
            data: null_mut(),
        };
        host::await_interpreter(true);
        // SAFETY: `late_python` does not use its data. This is the only thread, as the library is preloaded.
        unsafe { watchers::set_tracer(late) };
    } else {
        variables::share(None);
        // SAFETY: there is no host, and the program can't call this library yet.
        unsafe {
            if live::remembers_the_dead() {
                watchers::set(Watcher::Live, true);
            }
            watch(&environment::read());
        }
    }
}

/// Called at the first birth, or in 3.8 at the first death, in a process that was loaded without a CPython.
unsafe extern "C" fn late_python(op: *mut PyObject, event: c_int, _data: *mut c_void) -> c_int {
    // SAFETY: no other tracer is set, and the host's lock is held as at every birth. This object is the first, so no
    // other thread may use one.
    unsafe {
        watchers::set_tracer(Tracer::NONE);
        host::await_interpreter(false);
        if let Some(python) = originals::find_python_anywhere()
            && agrees(python, true)
        {
            // A birth is undone and repeated as in a host. LD_PRELOAD stays as it is, because other threads may read
            // the environment now.
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

/// Whether the host has the flavour of this library. If not, prints the difference. Then a process that was started
/// with the library ends, before it has an object. A process that opened the library goes on without it.
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

/// Connects the library to a host.
///
/// # Safety
/// The host has not started, or its lock is held. No other thread calls this library or may use objects meanwhile.
unsafe fn join(python: &'static Library, wishes: &Wishes) {
    // SAFETY: the library is CPython's. The host has not started, or its lock is held. No other thread calls this library
    // or may use objects meanwhile, as the caller promises.
    unsafe {
        host::enter(originals::resolve(python));
        capi::follow_host();
        symbols::remember_where();
        variables::share(Some(python));
        tracer_slot::share();
        watchers::when_live_starts(allocator::hook_when_ready);
        audit::open_hooks(python);
        watch(wishes);
    }
}

/// Switches on the watchers and the report that the environment asks for.
///
/// # Safety
/// The host has not started, or its lock is held. No other thread may use objects meanwhile.
unsafe fn watch(wishes: &Wishes) {
    fork::take_part(audit::locks);
    let reporting = wishes.report.is_some();
    let watchers = [
        (Watcher::Live, wishes.live || reporting),
        (Watcher::BirthStacks, wishes.trace),
        (Watcher::Count, reporting),
    ];
    for (watcher, _) in watchers.into_iter().filter(|(_, wanted)| *wanted) {
        // SAFETY: no other thread may use objects. A host that has not started has no lock, and only this thread.
        if !unsafe { watchers::set(watcher, true) } {
            host::say("pyrefcore: there is no memory for the live table\n");
        }
    }
    if let Some(report) = &wishes.report {
        exit::report_to(report.clone());
    }
}
