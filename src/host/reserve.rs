//! Memory for the time when the kernel has no more.
//!
//! Rust's collections end the process where they get no memory. A piece of work that may need much therefore maps a reserve
//! first, or does not begin. Where the allocator fails meanwhile, the reserve steps in, and the work gives up.

use super::own_memory::{OWN, Own};
use std::alloc::{GlobalAlloc, Layout};
use std::ptr::{copy_nonoverlapping, null_mut};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

#[global_allocator]
static ALL: Backed<Own> = Backed(OWN);

/// Maps that may be in use at once: one for the work that runs, and those in which something that stays has been put.
const REGIONS: usize = 8;
/// Bytes of a reserve, beside twice of what the process has ever used: more than the largest table grows by at once.
const LEAST: usize = 16 << 20;

/// An allocator, with a reserve behind it.
struct Backed<A>(A);

struct Region {
    start: AtomicPtr<u8>,
    bytes: AtomicUsize,
    /// Bytes that were handed out, and blocks of them that were not given back.
    used: AtomicUsize,
    blocks: AtomicUsize,
    is_open: AtomicBool,
}

static ALL_REGIONS: [Region; REGIONS] = [const {
    Region {
        start: AtomicPtr::new(null_mut()),
        bytes: AtomicUsize::new(0),
        used: AtomicUsize::new(0),
        blocks: AtomicUsize::new(0),
        is_open: AtomicBool::new(false),
    }
}; REGIONS];
/// Regions that are mapped: nearly always none or one.
static MAPPED: AtomicUsize = AtomicUsize::new(0);
/// The reserve has stepped in, or something else was missing, since the work began.
static IS_SHORT: AtomicBool = AtomicBool::new(false);
/// Pieces of work that run, one inside the other.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Does a piece of work for which memory may run out: `None` where it has, and nothing of what was done is left. Works of
/// one process take turns.
pub fn within<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    // Relaxed, here and below: works take turns.
    if RUNNING.load(Ordering::Relaxed) > 0 {
        return work();
    }
    let region = Region::map()?;
    RUNNING.store(1, Ordering::Relaxed);
    IS_SHORT.store(false, Ordering::Relaxed);
    let done = work().filter(|_| !is_short());
    RUNNING.store(0, Ordering::Relaxed);
    region.close();
    done
}

/// Whether the work that runs has to give up.
#[inline]
#[must_use]
pub fn is_short() -> bool {
    IS_SHORT.load(Ordering::Relaxed)
}

/// There was no memory for something: the work that runs has to give up.
#[cold]
pub fn falls_short() {
    IS_SHORT.store(true, Ordering::Relaxed);
}

/// The most memory in bytes that this program has used at once.
fn most_used() -> usize {
    // The peak in `/proc` begins with the program. That of `getrusage` is inherited from the program before `exec`.
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| peak(&status))
        .unwrap_or_else(|| {
            // SAFETY: the structure is plain numbers, and belongs to this function.
            let usage = unsafe {
                let mut usage: libc::rusage = std::mem::zeroed();
                libc::getrusage(libc::RUSAGE_SELF, &mut usage);
                usage
            };
            usage.ru_maxrss.unsigned_abs() as usize * 1024
        })
}

/// The peak in bytes that a status file of `/proc` gives in kilobytes.
fn peak(status: &str) -> Option<usize> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

impl Region {
    fn map() -> Option<&'static Self> {
        ALL_REGIONS.iter().for_each(Self::unmap_if_empty);
        let is_free = |region: &&Self| region.start.load(Ordering::Acquire).is_null();
        let region = ALL_REGIONS.iter().find(is_free)?;
        let bytes = LEAST + 2 * most_used();
        // SAFETY: a new private mapping touches no memory in use; no page of it is there before it is touched.
        let start = unsafe {
            libc::mmap(
                null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return None;
        }
        region.bytes.store(bytes, Ordering::Relaxed);
        region.used.store(0, Ordering::Relaxed);
        // Release: pairs with the acquire in `of`.
        region.start.store(start.cast(), Ordering::Release);
        region.is_open.store(true, Ordering::Release);
        MAPPED.fetch_add(1, Ordering::AcqRel);
        Some(region)
    }

    /// Hands out no more. What the work has left in it stays, and so does it.
    fn close(&self) {
        self.is_open.store(false, Ordering::Release);
        self.unmap_if_empty();
    }

    fn unmap_if_empty(&self) {
        let start = self.start.load(Ordering::Acquire);
        let is_done = !self.is_open.load(Ordering::Acquire) && !start.is_null();
        if is_done && self.blocks.load(Ordering::Acquire) == 0 {
            self.start.store(null_mut(), Ordering::Release);
            MAPPED.fetch_sub(1, Ordering::AcqRel);
            // SAFETY: it was mapped with so many bytes, and nothing in it is in use.
            unsafe { libc::munmap(start.cast(), self.bytes.load(Ordering::Relaxed)) };
        }
    }

    fn holds(&self, block: *mut u8) -> bool {
        let start = self.start.load(Ordering::Acquire) as usize;
        start != 0
            && (start..start + self.bytes.load(Ordering::Relaxed)).contains(&(block as usize))
    }

    /// The region in which a block lies.
    #[inline]
    fn of(block: *mut u8) -> Option<&'static Self> {
        // Acquire: a block of another thread's came with it.
        if MAPPED.load(Ordering::Acquire) == 0 {
            return None;
        }
        ALL_REGIONS.iter().find(|region| region.holds(block))
    }

    /// A zeroed block, or null.
    #[cold]
    fn hand_out(layout: Layout) -> *mut u8 {
        let is_open = |region: &&Self| region.is_open.load(Ordering::Acquire);
        let Some(region) = ALL_REGIONS.iter().find(is_open) else {
            return null_mut();
        };
        falls_short();
        let room = layout.size() + layout.align();
        let at = region.used.fetch_add(room, Ordering::Relaxed);
        if at.saturating_add(room) > region.bytes.load(Ordering::Relaxed) {
            return null_mut();
        }
        region.blocks.fetch_add(1, Ordering::AcqRel);
        let start = region.start.load(Ordering::Acquire) as usize;
        (start + at).next_multiple_of(layout.align()) as *mut u8
    }
}

// SAFETY: a block is the inner allocator's, or lies in a region alone, aligned, until it is given back.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Backed<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the callee's.
        let block = unsafe { self.0.alloc(layout) };
        if block.is_null() {
            Region::hand_out(layout)
        } else {
            block
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the callee's.
        let block = unsafe { self.0.alloc_zeroed(layout) };
        if block.is_null() {
            Region::hand_out(layout)
        } else {
            block
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match Region::of(block) {
            Some(region) => {
                region.blocks.fetch_sub(1, Ordering::AcqRel);
            }
            // SAFETY: the caller's promise is the callee's, whose block it is.
            None => unsafe { self.0.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is the callees'; both blocks have as many bytes as the shorter.
        unsafe {
            if Region::of(block).is_none() {
                let moved = self.0.realloc(block, layout, size);
                if !moved.is_null() {
                    return moved;
                }
            }
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                copy_nonoverlapping(block, moved, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}
