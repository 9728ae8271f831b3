//! Variables that the whole process must share. The program may contain the copy that the loader gives to all
//! libraries.

use std::ffi::{CStr, c_void};
use std::sync::atomic::AtomicIsize;

use super::loader;
use super::originals::Library;
use crate::abi::FLAVOUR;
use crate::capi;
use crate::watch::ref_total;
use crate::watch::tracemalloc::{self, Settings};

/// Points the layers below to the variables that the whole process uses.
pub(super) fn share(python: Option<&Library>) {
    let total = shared_by_all(c"_Py_RefTotal", capi::exported_total().cast());
    if FLAVOUR.ref_debug && !total.is_null() {
        // SAFETY: CPython's variable of this name is a Py_ssize_t, and so is ours.
        unsafe { ref_total::use_exported(total.cast::<AtomicIsize>()) };
    }
    if !FLAVOUR.exports_variables() {
        return;
    }
    let config = c"_Py_tracemalloc_config";
    let settings = match python {
        // The host tests this variable at its own births. So the copy that the host uses counts, not the one that other
        // libraries use.
        Some(python) => loader::bound(python.symbol(config)),
        None => shared_by_all(config, capi::exported_tracemalloc_config()),
    };
    if !settings.is_null() {
        // SAFETY: CPython's variable of this name is a struct that begins with these ints, and so is
        // ours.
        unsafe { tracemalloc::use_settings(settings.cast::<Settings>()) };
    }
}

/// The variable that the loader gives to all libraries. It is ours if a program that contains this library exports
/// nothing.
fn shared_by_all(name: &CStr, ours: *mut c_void) -> *mut c_void {
    // SAFETY: dlsym takes a C string.
    let shared = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if shared.is_null() { ours } else { shared }
}
