//! The hook in the host's object allocator. It keeps the live table exact: some deaths are not announced, but their
//! memory is freed.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

use super::originals;
use crate::abi::PyObject;
use crate::watch::live;
use crate::watch::tracer::{self, Tracer};
use crate::watch::watchers;

/// `PYMEM_DOMAIN_OBJ`.
pub(super) const OBJECTS: c_int = 2;

/// CPython's `PyMemAllocatorEx`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Allocator {
    pub(super) ctx: *mut c_void,
    pub(super) malloc: Option<unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void>,
    pub(super) calloc: Option<unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void>,
    pub(super) realloc:
        Option<unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void>,
    pub(super) free: Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>,
}

/// The allocator behind a hook.
#[derive(Debug)]
pub(super) struct Inner(pub(super) UnsafeCell<Allocator>);

// SAFETY: written under the host's lock, before the hook that reads it is set.
unsafe impl Sync for Inner {}

/// CPython's debug allocator writes this into each byte of a new block. So does every allocator of a debug build.
const CLEAN_BYTE: u8 = 0xCD;

impl Allocator {
    /// Whether the allocator fills new blocks with CPython's pattern.
    ///
    /// # Safety
    /// It is the host's allocator of objects, and the host's lock is held.
    pub(super) unsafe fn fills_blocks(&self) -> bool {
        const BYTES: usize = 64;
        let (Some(malloc), Some(free)) = (self.malloc, self.free) else {
            return false;
        };
        // SAFETY: the caller's promise. The block has `BYTES` bytes.
        unsafe {
            let block = malloc(self.ctx, BYTES).cast::<u8>();
            if block.is_null() {
                return false;
            }
            let is_filled = (0..BYTES).all(|at| block.add(at).read_volatile() == CLEAN_BYTE);
            free(self.ctx, block.cast());
            is_filled
        }
    }
}

impl Inner {
    pub(super) const fn new() -> Self {
        Self(UnsafeCell::new(Allocator {
            ctx: null_mut(),
            malloc: None,
            calloc: None,
            realloc: None,
            free: None,
        }))
    }
}

static INNER: Inner = Inner::new();

/// The host's functions that get and set an allocator.
pub(super) fn access() -> Option<[unsafe extern "C" fn(c_int, *mut Allocator); 2]> {
    let python = originals::python()?;
    // SAFETY: the host's public functions, with the types that its headers give them.
    unsafe {
        Some([
            python.function(c"PyMem_GetAllocator")?,
            python.function(c"PyMem_SetAllocator")?,
        ])
    }
}

/// Whether the hook is set, or about to be.
static HOOKED: AtomicBool = AtomicBool::new(false);

/// Hooks the allocator, once. If the host is not yet initialised, it has not chosen its allocator; then the hook is set
/// at the first birth.
///
/// # Safety
/// The host's lock is held, or the host has not started. No other thread may use objects meanwhile.
pub(super) unsafe fn hook_when_ready() {
    let Some(python) = originals::python() else {
        return;
    };
    if HOOKED.swap(true, Ordering::Relaxed) {
        return;
    }
    // SAFETY: the host's public function takes nothing and may be called at any time.
    let running = unsafe {
        let is_initialized =
            python.function::<unsafe extern "C" fn() -> c_int>(c"Py_IsInitialized");
        is_initialized.is_some_and(|is_initialized| is_initialized() != 0)
    };
    // SAFETY: a running host's lock is held, and no other thread may use objects, as the caller promises.
    // `first_birth` gets the boxed tracer that it expects.
    unsafe {
        if running {
            hook();
        } else {
            // The present tracer is put back at the first birth.
            let before = Box::into_raw(Box::new(tracer::get()));
            watchers::set_tracer(Tracer {
                function: Some(first_birth),
                data: before.cast(),
            });
        }
    }
}

unsafe extern "C" fn first_birth(op: *mut PyObject, event: c_int, before: *mut c_void) -> c_int {
    // SAFETY: `before` is what `hook_when_ready` boxed, and this function is called once. The host's lock is
    // held, as at every birth, and a tracer is called with its own data.
    unsafe {
        let before = *Box::from_raw(before.cast::<Tracer>());
        watchers::set_tracer(before);
        hook();
        before
            .function
            .map_or(0, |function| function(op, event, before.data))
    }
}

/// # Safety
/// The host's lock is held.
unsafe fn hook() {
    let Some([get, set]) = access() else { return };
    // SAFETY: the caller's promise; the inner allocator is complete before it is used.
    unsafe {
        let inner = INNER.0.get();
        get(OBJECTS, inner);
        let mut ours = Allocator {
            realloc: Some(realloc),
            free: Some(free),
            ..*inner
        };
        set(OBJECTS, &mut ours);
    }
}

/// Takes the entry before the block moves. Afterwards another thread may get the old address.
unsafe extern "C" fn realloc(ctx: *mut c_void, block: *mut c_void, bytes: usize) -> *mut c_void {
    let taken = if block.is_null() {
        None
    } else {
        live::take(block as usize)
    };
    // SAFETY: the inner allocator's own function and context, with the caller's block.
    let moved = unsafe { (*INNER.0.get()).realloc.unwrap_unchecked()(ctx, block, bytes) };
    if let Some(taken) = taken {
        live::give(taken, if moved.is_null() { block } else { moved } as usize);
    }
    moved
}

/// Nearly always the death was announced, and no entry is left. Both ways end in a jump.
unsafe extern "C" fn free(ctx: *mut c_void, block: *mut c_void) {
    // SAFETY: the table was opened before the hook was set. The inner allocator's own function and context, with the
    // caller's block.
    unsafe {
        if !live::is_clear(block as usize) {
            return free_marked(ctx, block);
        }
        (*INNER.0.get()).free.unwrap_unchecked()(ctx, block)
    }
}

#[cold]
#[inline(never)]
unsafe extern "C" fn free_marked(ctx: *mut c_void, block: *mut c_void) {
    // SAFETY: as in `free`.
    unsafe {
        live::freed(block as usize);
        (*INNER.0.get()).free.unwrap_unchecked()(ctx, block)
    }
}
