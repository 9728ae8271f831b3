//! tracemalloc's settings, as 3.9 to 3.11 export them.

use std::ffi::c_int;

/// CPython's settings of tracemalloc (3.9 to 3.11). A birth reads `tracing`.
#[derive(Debug)]
#[repr(C)]
pub struct _PyTraceMalloc_Config {
    /// 0: not initialized, 1: initialized, 2: finalized.
    pub initialized: c_int,
    /// Whether memory blocks are traced.
    pub tracing: c_int,
    /// The most frames kept of each traceback.
    pub max_nframe: c_int,
}

/// tracemalloc's settings (up to 3.11). In a host the loader binds this name to the host's variable, for all libraries.
#[unsafe(no_mangle)]
pub static mut _Py_tracemalloc_config: _PyTraceMalloc_Config = _PyTraceMalloc_Config {
    initialized: 0,
    tracing: 0,
    max_nframe: 1,
};
