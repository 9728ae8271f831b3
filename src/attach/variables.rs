//! Variables that everybody must share: a program may own the copy that the loader gives to all.

use std::ffi::c_void;
use std::sync::atomic::AtomicIsize;

use super::originals::Library;
use crate::abi::FLAVOUR;
use crate::watch::ref_total;
use crate::watch::tracemalloc::{self, Settings};

/// Points the layers below to the variables that the whole process uses.
pub(super) fn share(library: Option<&Library>) {
    // SAFETY: dlsym takes a C string.
    let total = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_Py_RefTotal".as_ptr()) };
    if FLAVOUR.ref_debug && !total.is_null() {
        // SAFETY: CPython's variable of this name is a Py_ssize_t, and so is ours.
        unsafe { ref_total::use_exported(total.cast::<AtomicIsize>()) };
    }
    let config = tracemalloc_config(library);
    if FLAVOUR.minor <= 11 && !config.is_null() {
        // SAFETY: CPython's variable of this name is a struct that begins with these ints, and so is ours.
        unsafe { tracemalloc::use_settings(config.cast::<Settings>()) };
    }
}

/// Where the process keeps tracemalloc's settings. 3.8 exports them to extensions and so do we; later the
/// host's are its own.
fn tracemalloc_config(library: Option<&Library>) -> *mut c_void {
    let name = c"_Py_tracemalloc_config";
    match library {
        Some(library) if FLAVOUR.minor >= 9 => library.symbol(name),
        // SAFETY: dlsym takes a C string.
        _ => unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) },
    }
}
