//! A table of entries, one for every 16 bytes of memory.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};

use super::entries::{LINE, read_four, used_entries};
use crate::host::{mapping, prefetch};

/// One entry for each 16 bytes of the address space, allocated on first use. An entry is an atomic integer; zero means
/// no entry.
///
/// Objects do not overlap and are at least 16 bytes long, so no two start in the same 16 bytes. A byte
/// store needs no lock and loses nothing when two threads write neighbours.
#[derive(Debug)]
pub(crate) struct Shadow<M = AtomicU8> {
    regions: AtomicPtr<AtomicPtr<M>>,
    /// Which pages of the table of regions hold regions. A walk skips the other pages.
    pages: [AtomicBool; PAGES],
}

/// Bytes of memory that one entry stands for.
pub(crate) const GRAIN: usize = 16;
/// Bytes of memory that one region of entries stands for.
const REGION: usize = 64 << 20;
/// Entries in a region.
const ENTRIES: usize = REGION / GRAIN;
/// Regions in the address space of a process: 47 bits on x86-64, 48 on aarch64.
const REGIONS: usize = (1 << 48) / REGION;
/// Regions on one page of their table.
const ON_PAGE: usize = 4096 / size_of::<*mut u8>();
/// Pages of the table of regions.
const PAGES: usize = REGIONS / ON_PAGE;

impl<M> Shadow<M> {
    pub(crate) const fn new() -> Self {
        Self {
            regions: AtomicPtr::new(null_mut()),
            pages: [const { AtomicBool::new(false) }; PAGES],
        }
    }

    /// Whether an address can have an entry.
    pub(crate) const fn reaches(address: usize) -> bool {
        address / REGION < REGIONS
    }

    /// Whether [`Shadow::open`] has made room.
    pub(crate) fn is_open(&self) -> bool {
        // Acquire: as in `get`.
        !self.regions.load(Ordering::Acquire).is_null()
    }

    /// Maps the table of regions; false if there is no memory. Any thread may call this.
    pub(crate) fn open(&self) -> bool {
        reserve(&self.regions, REGIONS * size_of::<AtomicPtr<M>>())
    }

    /// The entry of `address`, if its region has been made.
    #[inline]
    pub(crate) fn get(&self, address: usize) -> Option<&M> {
        let region = self.region(address)?;
        // Acquire: pairs with the release in `reserve`, though the kernel's zeroes need no order.
        let entries = region.load(Ordering::Acquire);
        // SAFETY: a region that is not null has ENTRIES entries and is mapped as long as the shadow is there.
        (!entries.is_null()).then(|| unsafe { &*entries.add(address / GRAIN % ENTRIES) })
    }

    /// The `number` entries from that of `address` on; none if its region has not been made, or ends before.
    pub(crate) fn several(&self, address: usize, number: usize) -> &[M] {
        match self.get(address) {
            Some(first) if address / GRAIN % ENTRIES <= ENTRIES - number => {
                // SAFETY: the region has so many entries behind this one.
                unsafe { std::slice::from_raw_parts(first, number) }
            }
            _ => &[],
        }
    }

    /// The entry of an address in range, if its region has been made.
    ///
    /// # Safety
    /// The shadow is open.
    #[inline]
    pub(crate) unsafe fn opened(&self, address: usize) -> Option<&M> {
        // SAFETY: an open table has REGIONS regions, and a region ENTRIES entries.
        unsafe {
            let regions = self.regions.load(Ordering::Relaxed);
            let entries = (*regions.add(address / REGION % REGIONS)).load(Ordering::Acquire);
            (!entries.is_null()).then(|| &*entries.add(address / GRAIN % ENTRIES))
        }
    }

    /// The entry of `address`; `None` where the address is out of range, the shadow is not open, or
    /// there is no memory for the region.
    #[inline]
    pub(crate) fn at(&self, address: usize) -> Option<&M> {
        self.get(address).or_else(|| self.make(address))
    }

    /// Clears every entry. Another thread may set entries meanwhile; those may be cleared, too.
    pub(crate) fn clear(&self) {
        if !self.is_open() {
            return;
        }
        // Acquire: as in `visit`.
        let pages = (0..PAGES).filter(|&page| self.pages[page].load(Ordering::Acquire));
        for number in pages.flat_map(|page| page * ON_PAGE..(page + 1) * ON_PAGE) {
            let entries = self
                .region(number * REGION)
                .map_or(null_mut(), |region| region.load(Ordering::Acquire));
            if !entries.is_null() {
                // SAFETY: the region was mapped with this length, and stays mapped. The kernel supplies zeroes
                // afterwards.
                unsafe {
                    libc::madvise(
                        entries.cast(),
                        ENTRIES * size_of::<M>(),
                        libc::MADV_DONTNEED,
                    )
                };
            }
        }
    }

    #[inline]
    fn region(&self, address: usize) -> Option<&AtomicPtr<M>> {
        // Acquire: as in `get`.
        let regions = self.regions.load(Ordering::Acquire);
        let number = address / REGION;
        // SAFETY: a table that is not null has REGIONS entries and is mapped as long as the shadow is there.
        (!regions.is_null() && number < REGIONS).then(|| unsafe { &*regions.add(number) })
    }

    #[cold]
    fn make(&self, address: usize) -> Option<&M> {
        let region = self.region(address)?;
        // Release: pairs with the acquire in `visit`.
        self.pages[address / REGION / ON_PAGE].store(true, Ordering::Release);
        let bytes = ENTRIES * size_of::<M>();
        if reserve(region, bytes) && size_of::<M>() > 1 {
            // Wider entries are for a walk over everything. On small pages the page faults would take longer than the
            // walk. If the kernel has no large pages, the call fails and the small pages stay.
            let entries = region.load(Ordering::Acquire);
            // SAFETY: the region was mapped with this length, and stays mapped.
            unsafe { libc::madvise(entries.cast(), bytes, libc::MADV_HUGEPAGE) };
        }
        self.get(address)
    }
}

impl<M> Drop for Shadow<M> {
    fn drop(&mut self) {
        let regions = *self.regions.get_mut();
        if regions.is_null() {
            return;
        }
        // SAFETY: an open table has REGIONS regions. `reserve` mapped each region with this size. No entry is borrowed
        // during a drop.
        unsafe {
            for page in 0..PAGES {
                if !*self.pages[page].get_mut() {
                    continue;
                }
                for number in page * ON_PAGE..(page + 1) * ON_PAGE {
                    let entries = *(*regions.add(number)).get_mut();
                    if !entries.is_null() {
                        libc::munmap(entries.cast(), ENTRIES * size_of::<M>());
                    }
                }
            }
            libc::munmap(regions.cast(), REGIONS * size_of::<AtomicPtr<M>>());
        }
    }
}

impl Shadow {
    /// The entries of `address` and of the three places behind it, the first in the lowest byte. `None` unless all are
    /// in one region that exists.
    ///
    /// # Safety
    /// The shadow is open.
    #[inline]
    pub(crate) unsafe fn four(&self, address: usize) -> Option<u32> {
        // SAFETY: the caller's promise is the callee's.
        let first = unsafe { self.opened(address) }?;
        if address / GRAIN % ENTRIES > ENTRIES - 4 {
            return None;
        }
        // SAFETY: four entries lie in the region.
        Some(unsafe { read_four(first) })
    }

    /// Calls `visit` with the address and the entry of each place that has one, in order of addresses, until it returns
    /// false.
    pub(crate) fn visit(&self, mut visit: impl FnMut(usize, &AtomicU8) -> bool) {
        // Acquire: a page is set before its region is published. A reader that needs another thread's latest region has
        // synchronised with that thread.
        let pages = (0..PAGES).filter(|&page| self.pages[page].load(Ordering::Acquire));
        for number in pages.flat_map(|page| page * ON_PAGE..(page + 1) * ON_PAGE) {
            if !self.visit_region(number, &mut visit) {
                return;
            }
        }
    }

    /// Visits one region; false if `visit` returned false.
    #[inline]
    fn visit_region(
        &self,
        number: usize,
        visit: &mut impl FnMut(usize, &AtomicU8) -> bool,
    ) -> bool {
        // Acquire: as in `get`.
        let entries = self
            .region(number * REGION)
            .map_or(null_mut(), |region| region.load(Ordering::Acquire));
        if entries.is_null() {
            return true;
        }
        let (mut line, mut used) = (0, 0);
        for next in (0..=ENTRIES / LINE).map(|line| line * LINE) {
            let mut coming = if next == ENTRIES {
                0
            } else {
                // SAFETY: a region that is not null has ENTRIES entries, is mapped as long as the shadow is there, and
                // starts on a page.
                unsafe { used_entries(entries.add(next)) }
            };
            if used | coming == 0 {
                continue;
            }
            let following = coming;
            // The processor loads the memory of the next line during the visits of this one.
            while coming != 0 {
                let index = next + coming.trailing_zeros() as usize;
                coming &= coming - 1;
                prefetch(number * REGION + index * GRAIN);
            }
            while used != 0 {
                let index = line + used.trailing_zeros() as usize;
                used &= used - 1;
                // SAFETY: as above.
                if !visit(number * REGION + index * GRAIN, unsafe {
                    &*entries.add(index)
                }) {
                    return false;
                }
            }
            (line, used) = (next, following);
        }
        true
    }
}

/// Maps `bytes` zero bytes and stores their address, unless another thread was faster. False if there is no memory.
fn reserve<T>(place: &AtomicPtr<T>, bytes: usize) -> bool {
    if !place.load(Ordering::Acquire).is_null() {
        return true;
    }
    let Some(mapped) = mapping::zeroes(bytes) else {
        return false;
    };
    // Release: a thread that sees the pointer sees the mapping.
    if place
        .compare_exchange(
            null_mut(),
            mapped.cast(),
            Ordering::AcqRel,
            Ordering::Acquire,
        )
        .is_err()
    {
        // SAFETY: the mapping is ours, and no other thread has its address.
        unsafe { libc::munmap(mapped, bytes) };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_in_order() {
        let shadow = Shadow::<AtomicU8>::new();
        assert!(shadow.at(0x7000).is_none(), "not open yet");
        assert!(shadow.open());
        let places = [0x7000, 0x7010, 0x5555_5555_0000, (1 << 48) - 16];
        for (value, place) in (1..).zip(places) {
            shadow
                .at(place)
                .expect("room")
                .store(value, Ordering::Relaxed);
        }
        let mut seen = Vec::new();
        shadow.visit(|address, entry| {
            seen.push((address, entry.load(Ordering::Relaxed)));
            true
        });
        assert_eq!(seen, places.into_iter().zip(1..).collect::<Vec<_>>());
    }

    #[test]
    fn places_outside_are_refused() {
        let shadow = Shadow::<AtomicU8>::new();
        assert!(shadow.open());
        assert!(shadow.at(1 << 48).is_none());
        assert!(shadow.at(usize::MAX).is_none());
        assert!(shadow.get(0x7000).is_none(), "a look makes no region");
    }
}
