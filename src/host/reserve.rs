//! A reserve of memory, for when the kernel has no more.
//!
//! Rust's collections end the process if an allocation fails. So work that may need much memory maps a reserve first,
//! or does not start. If an allocation fails during the work, the reserve supplies the block, and the work gives up.

use super::mapping;
use super::own_memory::{OWN, Own};
use std::alloc::{GlobalAlloc, Layout};
use std::ptr::{copy_nonoverlapping, null_mut};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

#[global_allocator]
static ALL: Backed<Own> = Backed(OWN);

/// Reserves that may be mapped at once: one for the running work, the others for blocks that outlived their work.
const REGIONS: usize = 8;
/// A reserve has this many bytes plus twice the peak memory of the process. The sum is more than any table grows by in
/// one step.
const LEAST: usize = 16 << 20;

/// An allocator with a reserve behind it.
struct Backed<A>(A);

struct Region {
    start: AtomicPtr<u8>,
    bytes: AtomicUsize,
    /// Bytes handed out; `blocks` is the number of blocks handed out and not yet freed.
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
/// The number of mapped regions, nearly always 0 or 1.
static MAPPED: AtomicUsize = AtomicUsize::new(0);
/// Set if memory has run out since the work began.
static IS_SHORT: AtomicBool = AtomicBool::new(false);
/// 1 while work runs. Work inside other work uses the same reserve.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Runs `work` with a reserve behind it. Returns `None`, and drops the result, if memory ran out.
///
/// # Safety
/// Callers of one process take turns: the host's lock is held.
pub unsafe fn within<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    // Relaxed, here and below: callers take turns.
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

/// Whether the running work must give up.
#[inline]
#[must_use]
pub fn is_short() -> bool {
    IS_SHORT.load(Ordering::Relaxed)
}

/// Records that memory ran out: the running work must give up.
#[cold]
pub fn falls_short() {
    IS_SHORT.store(true, Ordering::Relaxed);
}

/// The peak memory of this program, in bytes.
fn most_used() -> usize {
    // The peak in `/proc` starts anew at `exec`.
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| peak(&status))
        .unwrap_or_else(most_by_usage)
}

/// As [`most_used`], or more: a program inherits the peak of `getrusage` from the program before `exec`. Takes a
/// hundredth of the time.
fn most_by_usage() -> usize {
    // SAFETY: all zeroes are a valid `rusage`, and getrusage fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    usage.ru_maxrss.unsigned_abs() as usize * 1024
}

/// The peak in bytes, from the text of a status file of `/proc`.
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
        let found = [most_by_usage, most_used].into_iter().find_map(|most| {
            let bytes = LEAST + 2 * most();
            mapping::zeroes(bytes).map(|start| (start, bytes))
        });
        let (start, bytes) = found?;
        region.bytes.store(bytes, Ordering::Relaxed);
        region.used.store(0, Ordering::Relaxed);
        // Release: pairs with the acquire in `of`.
        region.start.store(start.cast(), Ordering::Release);
        region.is_open.store(true, Ordering::Release);
        MAPPED.fetch_add(1, Ordering::AcqRel);
        Some(region)
    }

    /// Stops handing out blocks. The region stays mapped while one of its blocks is in use.
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
            // SAFETY: the region was mapped with this length, and none of its blocks is in use.
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
        // Acquire: a thread that received a block from another thread also sees that its region is mapped.
        if MAPPED.load(Ordering::Acquire) == 0 {
            return None;
        }
        ALL_REGIONS.iter().find(|region| region.holds(block))
    }

    /// A zeroed block of the open region, or null.
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

// SAFETY: a block comes from the inner allocator, or is an aligned part of a region. No other block overlaps it, and
// its region stays mapped until it is freed.
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
            // SAFETY: the caller's promise. No region holds the block, so the inner allocator made it.
            None => unsafe { self.0.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise. The inner allocator gets only its own blocks. Old and new block do not overlap,
        // and both are at least as long as the copy.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_give_the_peak_in_bytes() {
        let held = vec![1_u8; 8 << 20];
        std::hint::black_box(&held);
        for peak in [most_used(), most_by_usage()] {
            assert!(peak > held.len(), "{peak}");
        }
    }
}
