//! Finds the slot in which a host of 3.13 keeps its tracer.
//!
//! The interpreter reads the slot directly, so a tracer must be in the host's own slot. Our births and deaths must read
//! that slot at little cost. Its address differs between micro releases, and nothing exports it. It is found with a
//! tracer of our own: set it, then search for its address.

use std::ffi::{c_int, c_void};
use std::ptr::{dangling_mut, null_mut};

use super::{loader, originals};
use crate::abi::PyObject;
use crate::host;
use crate::lifecycle::{HOST_OWNS_BIRTHS, HOST_OWNS_DEATHS};
use crate::watch::tracer::Tracer;
use crate::watch::watchers;

/// Finds the host's slot and uses it. A tracer that is in the slot then is put back.
///
/// # Safety
/// The host is not yet initialised, or its lock is held. No other thread may use objects meanwhile.
pub(super) unsafe fn share() {
    let host = host::originals();
    let (Some(set), Some(get)) = (host.PyRefTracer_SetTracer, host.PyRefTracer_GetTracer) else {
        return;
    };
    if HOST_OWNS_BIRTHS && HOST_OWNS_DEATHS {
        return;
    }
    let data = dangling_mut::<c_void>().wrapping_byte_add(0x7E57_0000_0000);
    let mut before = null_mut();
    // SAFETY: the host's functions only store and return the tracer and its data. No object is born meanwhile.
    let found = unsafe {
        let tracer = get(&mut before);
        set(Some(probe), data);
        let found = holding(Tracer {
            function: Some(probe),
            data,
        });
        set(tracer, before);
        found
    };
    match found {
        // SAFETY: the slot is part of the host's runtime, which is never freed. No other thread may use objects now.
        Some(slot) => unsafe { watchers::use_slot_of_host(slot) },
        // SAFETY: `ask` does not use its data. No other thread may use objects, as the caller promises.
        None => unsafe {
            watchers::set_tracer(Tracer {
                function: Some(ask),
                data: null_mut(),
            })
        },
    }
}

/// `share` searches for the address of this function. A call does nothing.
unsafe extern "C" fn probe(_op: *mut PyObject, _event: c_int, data: *mut c_void) -> c_int {
    std::hint::black_box(data) as usize as c_int
}

/// The tracer if the slot was not found: asks the host at each event.
unsafe extern "C" fn ask(op: *mut PyObject, event: c_int, _data: *mut c_void) -> c_int {
    let Some(get) = host::originals().PyRefTracer_GetTracer else {
        return 0;
    };
    let mut data = null_mut();
    // SAFETY: the host's own function, and the tracer that it names, with its data.
    unsafe { get(&mut data).map_or(0, |tracer| tracer(op, event, data)) }
}

/// The slot in the host's runtime that holds `tracer`.
pub(super) fn holding(tracer: Tracer) -> Option<*mut Tracer> {
    let function = tracer.function.map_or(0, |function| function as usize);
    let wanted = [function, tracer.data as usize];
    let (runtime, bytes) = runtime()?;
    let words = bytes / size_of::<usize>();
    let at = (0..words.saturating_sub(1)).find(|&at| {
        // SAFETY: the loader says that the symbol has that many bytes.
        wanted
            == unsafe {
                [
                    runtime.add(at).read_volatile(),
                    runtime.add(at + 1).read_volatile(),
                ]
            }
    })?;
    Some(runtime.wrapping_add(at).cast())
}

/// The address of `_PyRuntime`, and its size in bytes.
fn runtime() -> Option<(*mut usize, usize)> {
    let runtime = originals::python()?.symbol(c"_PyRuntime");
    let symbol = loader::symbol_of(runtime)?;
    Some((runtime.cast(), symbol.st_size as usize))
}
