//! The hooks in the host's allocators of the `PyMem` and the raw domain. They are set only while a check looks for
//! blocks that nothing holds.
//!
//! Any thread may allocate or free a raw block without the host's lock. While a hook is set or removed, a thread may
//! call the old function with the new context, or the other way around. So a hook ignores its context, and is set with
//! the context of the allocator behind it.

use std::ffi::{c_int, c_void};

use super::allocator::{Allocator, Inner, access};
use crate::audit::attachment;
use crate::audit::guard::zeroing;
use crate::audit::heap::blocks;
use crate::audit::heap::host_hooks::CHeap;
use crate::audit::heap::young::{self, Domain};
use crate::host::c_heap;
use crate::watch::birth_stacks;

const RAW: u32 = Domain::Raw as u32;
const MEM: u32 = Domain::Mem as u32;

/// The allocators behind the hooks, by domain.
static INNERS: [Inner; 2] = [const { Inner::new() }; 2];

/// Sets the hooks in both domains, or removes them. A hook with another hook in front of it stays, and passes calls on.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn watch(on: bool) {
    let Some([get, set]) = access() else { return };
    for (domain, hook) in [(RAW, hook::<RAW>()), (MEM, hook::<MEM>())] {
        let inner = INNERS[domain as usize].0.get();
        // SAFETY: the host's public functions, and its lock is held. The inner allocator is complete before the hook is
        // set.
        unsafe {
            let mut now = *Inner::new().0.get();
            get(domain as c_int, &mut now);
            let is_ours = now.malloc.map(|malloc| malloc as usize)
                == hook.malloc.map(|malloc| malloc as usize);
            if on && !is_ours && !hears(domain, &now) {
                *inner = now;
                let mut ours = Allocator {
                    ctx: now.ctx,
                    ..hook
                };
                set(domain as c_int, &mut ours);
            } else if !on && is_ours {
                set(domain as c_int, inner);
            }
        }
    }
}

/// Whether a block of that allocator passes our hook.
///
/// # Safety
/// The allocator is that of the domain, and the host's lock is held.
unsafe fn hears(domain: u32, now: &Allocator) -> bool {
    const BYTES: usize = 16;
    let (Some(malloc), Some(free)) = (now.malloc, now.free) else {
        return false;
    };
    // SAFETY: the caller's promise. The block is freed once, by the allocator that made it.
    unsafe {
        let block = malloc(now.ctx, BYTES);
        let heard = young::find(block as usize).is_some_and(|block| block.domain as u32 == domain);
        free(now.ctx, block);
        heard
    }
}

/// Which blocks of Python lie in the C heap, measured with the hooks in place. `None` if the measurement is unclear.
/// `objects` is the allocator behind the hook of the object domain.
///
/// # Safety
/// The host's lock is held, and the hooks of [`watch`] were set.
pub(super) unsafe fn c_heap(objects: &Allocator) -> Option<CHeap> {
    // Several tries: another thread may allocate meanwhile.
    // SAFETY: the caller's promise is the callee's.
    (0..3).find_map(|_| unsafe { try_c_heap(objects) })
}

/// # Safety
/// As [`c_heap()`].
unsafe fn try_c_heap(object: &Allocator) -> Option<CHeap> {
    const SHORT: usize = 64;
    /// A thread keeps no freed block of this length in its cache.
    const LONG: usize = 1100;
    // SAFETY: the host's lock is held, and the hooks were set, as the caller promises.
    let [raw, mem] = unsafe { [RAW, MEM].map(|domain| *INNERS[domain as usize].0.get()) };
    // SAFETY: these are the host's allocators or the C library's, and the host's lock is held.
    let are_there = |of: &Allocator, bytes| unsafe { are_in_c_heap(of, bytes) };
    let (has_raw, has_long) = (are_there(&raw, LONG)?, are_there(&mem, LONG)?);
    // CPython may bring an allocator for all domains. Then `malloc` itself must still be the allocator that is
    // measured.
    let is_usual = (has_raw || !has_long && are_there(&C_LIBRARY, LONG)?)
        && are_there(object, LONG)? == has_long
        && !are_there(&mem, SHORT)?
        && !are_there(object, SHORT)?;
    is_usual.then_some(CHeap { has_raw, has_long })
}

/// Whether blocks of an allocator lie in the C heap. `None` if something else was allocated there meanwhile.
///
/// # Safety
/// It is an allocator of the host's or the C library's, and the host's lock is held.
unsafe fn are_in_c_heap(allocator: &Allocator, bytes: usize) -> Option<bool> {
    const BLOCKS: usize = 32;
    let (malloc, free) = (allocator.malloc?, allocator.free?);
    let before = c_heap::in_use()?;
    // SAFETY: the caller's promise.
    let blocks = [(); BLOCKS].map(|()| unsafe { malloc(allocator.ctx, bytes) });
    let gained = c_heap::in_use()?.checked_sub(before);
    // The block of an allocator elsewhere has no size word.
    let taken = gained.filter(|&gained| gained != 0).and_then(|_| {
        let taken = |&block: &*mut c_void| c_heap::taken(block as usize, bytes);
        blocks.iter().map(taken).sum::<Option<usize>>()
    });
    for block in blocks {
        // SAFETY: the same allocator made the block, and it is freed once.
        unsafe { free(allocator.ctx, block) };
    }
    match gained? {
        0 => Some(false),
        gained => (taken == Some(gained)).then_some(true),
    }
}

/// The C library's allocator, with the two functions that are needed here.
const C_LIBRARY: Allocator = Allocator {
    ctx: std::ptr::null_mut(),
    malloc: Some(c_malloc),
    calloc: None,
    realloc: None,
    free: Some(c_free),
};

unsafe extern "C" fn c_malloc(_ctx: *mut c_void, bytes: usize) -> *mut c_void {
    // SAFETY: malloc takes any number.
    unsafe { libc::malloc(bytes) }
}

unsafe extern "C" fn c_free(_ctx: *mut c_void, block: *mut c_void) {
    // SAFETY: the block came from `c_malloc`.
    unsafe { libc::free(block) }
}

const fn hook<const D: u32>() -> Allocator {
    Allocator {
        ctx: std::ptr::null_mut(),
        malloc: Some(malloc::<D>),
        calloc: Some(calloc::<D>),
        realloc: Some(realloc::<D>),
        free: Some(free::<D>),
    }
}

const fn domain<const D: u32>() -> Domain {
    if D == RAW { Domain::Raw } else { Domain::Mem }
}

fn inner<const D: u32>() -> Allocator {
    // SAFETY: the inner allocator is complete before a hook is set that reads it.
    unsafe { *INNERS[D as usize].0.get() }
}

unsafe extern "C" fn malloc<const D: u32>(ctx: *mut c_void, bytes: usize) -> *mut c_void {
    if zeroing::is_on() {
        // SAFETY: our own hook, with the caller's arguments.
        return unsafe { calloc::<D>(ctx, 1, bytes) };
    }
    let inner = inner::<D>();
    // SAFETY: the inner allocator's own function and context. The caller holds the lock that its domain asks for.
    unsafe {
        let block = inner.malloc.unwrap_unchecked()(inner.ctx, blocks::enough(bytes));
        given::<D>(block, bytes);
        block
    }
}

unsafe extern "C" fn calloc<const D: u32>(
    _ctx: *mut c_void,
    items: usize,
    bytes: usize,
) -> *mut c_void {
    let inner = inner::<D>();
    let all = items.saturating_mul(bytes);
    let (items, bytes) = blocks::enough_items(items, bytes);
    // SAFETY: as in `malloc`.
    unsafe {
        let block = inner.calloc.unwrap_unchecked()(inner.ctx, items, bytes);
        given::<D>(block, all);
        block
    }
}

/// Forgets the old block first. Once the block has moved, its old address may be another block's.
unsafe extern "C" fn realloc<const D: u32>(
    ctx: *mut c_void,
    block: *mut c_void,
    bytes: usize,
) -> *mut c_void {
    if block.is_null() {
        // SAFETY: our own hook, with the caller's arguments.
        return unsafe { malloc::<D>(ctx, bytes) };
    }
    let young = young::take(block as usize);
    let began = if attachment::keeps_births() {
        birth_stacks::at(block as usize)
    } else {
        None
    };
    let inner = inner::<D>();
    // SAFETY: as in `malloc`, with the caller's block.
    let moved =
        unsafe { inner.realloc.unwrap_unchecked()(inner.ctx, block, blocks::enough(bytes)) };
    if moved.is_null() {
        if let Some(old) = young {
            young::resized(young, old.start, old.bytes, old.domain);
        }
        return moved;
    }
    // SAFETY: the block has `bytes` bytes now, and nothing was written behind the old ones.
    unsafe { zeroing::clear_tail(young.map(|young| young.bytes), moved.cast(), bytes) };
    young::resized(young, moved as usize, bytes, domain::<D>());
    if attachment::keeps_births() {
        match began {
            // SAFETY: the beginning is known.
            Some(_) => unsafe { birth_stacks::moved(began, moved as usize) },
            // SAFETY: the caller holds the lock that its domain asks for.
            None => unsafe { begins::<D>(moved) },
        }
    }
    moved
}

unsafe extern "C" fn free<const D: u32>(_ctx: *mut c_void, block: *mut c_void) {
    let _ = young::take(block as usize);
    let inner = inner::<D>();
    // SAFETY: as in `malloc`, with the caller's block.
    unsafe { inner.free.unwrap_unchecked()(inner.ctx, block) }
}

/// # Safety
/// As [`begins`].
#[inline]
unsafe fn given<const D: u32>(block: *mut c_void, bytes: usize) {
    if block.is_null() {
        return;
    }
    young::given(block as usize, bytes, domain::<D>());
    if attachment::keeps_births() {
        // SAFETY: the caller's promise is the callee's.
        unsafe { begins::<D>(block) };
    }
}

/// # Safety
/// In the `PyMem` domain, the host's lock is held.
unsafe fn begins<const D: u32>(block: *mut c_void) {
    if D == RAW {
        birth_stacks::allocated_anywhere(block as usize);
    } else {
        // SAFETY: the caller's promise is the callee's.
        unsafe { birth_stacks::allocated(block as usize) };
    }
}
