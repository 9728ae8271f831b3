//! Where a host of 3.13 keeps its tracer.
//!
//! The interpreter reads the slot directly, so a tracer must stand in the host's own; and our births and
//! deaths must read it for next to nothing. Its place differs between micro releases and nothing exports
//! it. It is found by setting a tracer of our own and looking for its address.

use std::ffi::{c_int, c_void};
use std::ptr::{dangling_mut, null_mut};

use super::{loader, originals};
use crate::abi::PyObject;
use crate::host;
use crate::lifecycle::{HOST_OWNS_BIRTHS, HOST_OWNS_DEATHS};
use crate::watch::tracer::Tracer;
use crate::watch::watchers;

/// Shares the host's slot. Called before the host is initialised, or by the code that opens the library in a running
/// one; a tracer that stands in the slot then is put back.
pub(super) fn share() {
    let host = host::originals();
    let (Some(set), Some(get)) = (host.PyRefTracer_SetTracer, host.PyRefTracer_GetTracer) else {
        return;
    };
    if HOST_OWNS_BIRTHS && HOST_OWNS_DEATHS {
        return;
    }
    let data = dangling_mut::<c_void>().wrapping_byte_add(0x7E57_0000_0000);
    let mut before = null_mut();
    // SAFETY: the host's functions store and return both, and call nothing.
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
        // SAFETY: the slot is part of the host's runtime, which stays; the host's lock guards it.
        Some(slot) => unsafe { watchers::use_slot_of_host(slot) },
        // SAFETY: the function may be called with any data.
        None => unsafe {
            watchers::set_tracer(Tracer {
                function: Some(ask),
                data: null_mut(),
            })
        },
    }
}

/// Its address is what is looked for; called, it does nothing.
unsafe extern "C" fn probe(_op: *mut PyObject, _event: c_int, data: *mut c_void) -> c_int {
    std::hint::black_box(data) as usize as c_int
}

/// Where the slot was not found: asks the host each time.
unsafe extern "C" fn ask(op: *mut PyObject, event: c_int, _data: *mut c_void) -> c_int {
    let Some(get) = host::originals().PyRefTracer_GetTracer else {
        return 0;
    };
    let mut data = null_mut();
    // SAFETY: the host's own function, and the tracer that it names, with its data.
    unsafe { get(&mut data).map_or(0, |tracer| tracer(op, event, data)) }
}

/// The two words of the slot in the host's runtime, where that tracer stands in it.
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

/// Where `_PyRuntime` lies and how large it is.
fn runtime() -> Option<(*mut usize, usize)> {
    let runtime = originals::python()?.symbol(c"_PyRuntime");
    let symbol = loader::symbol_of(runtime)?;
    Some((runtime.cast(), symbol.st_size as usize))
}
