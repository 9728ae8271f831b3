//! The exported symbols. Each converts its arguments, calls one function and returns.
//!
//! Uses all layers below, and holds no logic. There is one file for each family of symbols that exist on the same
//! versions, and the cfgs below tell which. In a host, a function that only the host can do calls the host's own
//! function.
//!
//! The `# Safety` sections use the terms of [`crate::abi`]. Unless the comment of a function says "From any thread",
//! its caller also holds the host's lock: the introduction of the header demands it.

pub mod assertion;
pub mod birth;
pub mod death;
pub mod finalizer;
pub mod object_new;
pub mod pyrefcore_audit;
pub mod pyrefcore_edges;
pub mod pyrefcore_findings;
pub mod pyrefcore_gc;
pub mod pyrefcore_guard;
pub mod pyrefcore_live;
pub mod pyrefcore_memory;
pub mod pyrefcore_report;
pub mod pyrefcore_snapshot;
pub mod pyrefcore_trace;
pub mod pyrefcore_who;
pub mod reference;
pub mod tracemalloc;

#[cfg(Py_GIL_DISABLED)]
pub mod biased;
#[cfg(Py_3_14)]
pub mod immortal;
#[cfg(Py_3_10)]
pub mod new_ref;
#[cfg(Py_3_12)]
pub mod no_total;
#[cfg(Py_3_14)]
pub mod opaque;
#[cfg(Py_3_13)]
pub mod ref_tracer;
#[cfg(Py_3_13)]
pub mod resurrect;
#[cfg(Py_3_15)]
pub mod set_immortal;
#[cfg(Py_3_13)]
pub mod set_refcnt;
#[cfg(Py_3_10)]
pub mod singleton;
#[cfg(Py_3_15)]
pub mod sized;
#[cfg(not(Py_3_10))]
pub mod type_flags;
#[cfg(Py_3_13)]
pub mod weak_reference;

#[cfg(all(Py_3_9, not(Py_3_12)))]
pub mod tracemalloc_config;
#[cfg(not(Py_3_9))]
pub mod tracemalloc_config_domain;
#[cfg(not(Py_3_13))]
pub mod tracemalloc_hook;

#[cfg(not(Py_3_14))]
pub mod trash;
#[cfg(not(Py_3_11))]
pub mod trash_object;
#[cfg(Py_3_13)]
pub mod trash_thread;

#[cfg(py_sys_config = "Py_REF_DEBUG")]
pub mod negative;
#[cfg(all(py_sys_config = "Py_REF_DEBUG", not(Py_3_9)))]
pub mod print_total;
#[cfg(py_sys_config = "Py_REF_DEBUG")]
pub mod ref_total;
#[cfg(all(py_sys_config = "Py_REF_DEBUG", Py_3_12))]
pub mod ref_total_interpreter;
#[cfg(all(py_sys_config = "Py_REF_DEBUG", not(Py_3_12)))]
pub mod ref_total_plain;
#[cfg(all(py_sys_config = "Py_REF_DEBUG", Py_3_14))]
pub mod ref_total_thread;

#[cfg(all(py_sys_config = "Py_TRACE_REFS", Py_3_13))]
pub mod all_objects;
#[cfg(all(py_sys_config = "Py_TRACE_REFS", not(Py_3_13)))]
pub mod all_objects_force;
#[cfg(any(py_sys_config = "Py_TRACE_REFS", Py_3_14))]
pub mod forget;
#[cfg(py_sys_config = "Py_TRACE_REFS")]
mod listing;
#[cfg(all(py_sys_config = "Py_TRACE_REFS", not(Py_3_12)))]
pub mod print;
#[cfg(all(py_sys_config = "Py_TRACE_REFS", Py_3_12))]
pub mod print_interpreter;

/// Makes some exported functions call the host's own functions from now on: those where a test in each call would cost
/// too much.
///
/// # Safety
/// No other thread calls this library or may use objects meanwhile.
pub unsafe fn follow_host() {
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        crate::lifecycle::birth::follow_host();
        crate::watch::watchers::follow_host();
        crate::watch::tracemalloc::follow_host();
        finalizer::follow_host();
        #[cfg(Py_3_13)]
        ref_tracer::follow_host();
        #[cfg(Py_3_15)]
        set_immortal::follow_host();
        #[cfg(any(py_sys_config = "Py_TRACE_REFS", Py_3_14))]
        forget::follow_host();
        #[cfg(not(Py_3_14))]
        trash::follow_host();
        #[cfg(not(Py_3_11))]
        trash_object::follow_host();
        #[cfg(Py_3_13)]
        trash_thread::follow_host();
    }
}

/// The exported total of all references; null where the flavour exports none.
#[must_use]
pub fn exported_total() -> *mut crate::abi::Py_ssize_t {
    #[cfg(py_sys_config = "Py_REF_DEBUG")]
    return &raw mut ref_total::_Py_RefTotal;
    #[cfg(not(py_sys_config = "Py_REF_DEBUG"))]
    std::ptr::null_mut()
}

/// The exported settings of tracemalloc; null where the flavour exports none.
#[must_use]
pub fn exported_tracemalloc_config() -> *mut std::ffi::c_void {
    #[cfg(not(Py_3_9))]
    return (&raw mut tracemalloc_config_domain::_Py_tracemalloc_config).cast();
    #[cfg(all(Py_3_9, not(Py_3_12)))]
    return (&raw mut tracemalloc_config::_Py_tracemalloc_config).cast();
    #[cfg(Py_3_12)]
    std::ptr::null_mut()
}
