//! A table of sites, and the code that it changes.

use std::ffi::{CStr, c_int};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use super::log::{CAPACITY, Event, LONGEST};
use super::site::{Kinds, Site};
use super::sites::Found;
use super::slots::Slots;
use crate::host::{Host, ThisHost};

/// `int3`.
const TRAP: u8 = 0xCC;
const PAGE: usize = 4096;
const CODE: c_int = libc::PROT_READ | libc::PROT_EXEC;

/// Why a traced run told nothing.
pub const TOO_MUCH: &CStr =
    c"the function was not named, because a traced run has more than 20000 events or takes more than 0.1 s";
const NOT_OURS: &CStr =
    c"the function was not named, because the traced run handles SIGTRAP itself, unloads a library, or starts a program";
/// Why code can't be traced.
pub const NOT_WRITABLE: &CStr =
    c"the function was not named, because this system does not let a process change its code";

/// Sites, the copies of their instructions, and the events of a run.
#[derive(Debug)]
pub struct Trace {
    /// In order of addresses.
    sites: Vec<Site>,
    _slots: Vec<Slots>,
    /// The pages with sites, in order. Adjacent ones are joined.
    pages: Vec<Range<usize>>,
    events: Vec<Event>,
    /// How many of `events` there are.
    length: AtomicUsize,
    /// The thread that is traced; 0 for none.
    thread: AtomicUsize,
    /// When the run must end, by the monotonic clock.
    deadline: AtomicU64,
    has_given_up: AtomicBool,
    /// Whether the run did what no trap may see.
    is_restored: AtomicBool,
    /// Whether another thread ran traced code.
    has_other_thread: AtomicBool,
    is_armed: AtomicBool,
}

impl Trace {
    /// Makes a table. Nothing is changed yet.
    ///
    /// # Errors
    /// One sentence if the system gives no executable memory.
    pub fn new(found: Vec<Found>) -> Result<Self, &'static CStr> {
        let (mut sites, mut slots) = (Vec::new(), Vec::new());
        for mut part in found {
            if let Some(near) = part.sites.first().map(|site| site.address) {
                let filled = Slots::fill(near, &part.wanted, &mut part.sites);
                slots.push(filled.map_err(|_| NOT_WRITABLE)?);
                sites.extend(part.sites);
            }
        }
        sites.sort_unstable_by_key(|site| site.address);
        let mut pages: Vec<Range<usize>> = Vec::new();
        for site in &sites {
            let page = site.address & !(PAGE - 1);
            match pages.last_mut() {
                Some(last) if last.end >= page => last.end = last.end.max(page + PAGE),
                _ => pages.push(page..page + PAGE),
            }
        }
        Ok(Self {
            sites,
            _slots: slots,
            pages,
            events: vec![Event::default(); CAPACITY],
            length: AtomicUsize::new(0),
            thread: AtomicUsize::new(0),
            deadline: AtomicU64::new(0),
            has_given_up: AtomicBool::new(false),
            is_restored: AtomicBool::new(false),
            has_other_thread: AtomicBool::new(false),
            is_armed: AtomicBool::new(false),
        })
    }

    /// The sites, in order of addresses.
    #[cfg(test)]
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// Puts a trap at each site, and traces this thread.
    ///
    /// # Errors
    /// One sentence if the code can't be changed. Then nothing is changed.
    ///
    /// # Safety
    /// The handler of traps is installed and looks into this table. The libraries are still loaded.
    pub unsafe fn arm(&self) -> Result<(), &'static CStr> {
        for (at, pages) in self.pages.iter().enumerate() {
            if protect(pages, CODE | libc::PROT_WRITE).is_err() {
                for pages in &self.pages[..at] {
                    let _ = protect(pages, CODE);
                }
                return Err(NOT_WRITABLE);
            }
        }
        // Relaxed, in this file where nothing else is said: only this thread logs, and it sees its own stores. Other
        // threads only compare `thread` with their own number, which it never is.
        self.length.store(0, Ordering::Relaxed);
        self.deadline.store(now() + LONGEST, Ordering::Relaxed);
        self.has_given_up.store(false, Ordering::Relaxed);
        self.is_restored.store(false, Ordering::Relaxed);
        self.has_other_thread.store(false, Ordering::Relaxed);
        self.is_armed.store(true, Ordering::Relaxed);
        for site in &self.sites {
            // SAFETY: the page is writable now.
            unsafe { put(site.address, TRAP) };
        }
        self.thread.store(ThisHost::thread_id(), Ordering::Relaxed);
        Ok(())
    }

    /// Puts every byte back. Takes no lock and allocates nothing.
    ///
    /// # Safety
    /// The libraries are still loaded.
    pub unsafe fn disarm(&self) {
        self.thread.store(0, Ordering::Relaxed);
        if !self.is_armed.swap(false, Ordering::Relaxed) {
            return;
        }
        for site in &self.sites {
            // SAFETY: the page is writable since `arm`.
            unsafe { put(site.address, site.byte) };
        }
        for pages in &self.pages {
            // Code that stays writable runs as before.
            let _ = protect(pages, CODE);
        }
    }

    /// Puts every byte back in mid-run. The run tells nothing then. Takes no lock and allocates nothing.
    ///
    /// # Safety
    /// As [`Trace::disarm`].
    pub unsafe fn restore_all(&self) {
        // SAFETY: the caller's promise is the callee's.
        unsafe { self.disarm() };
        self.is_restored.store(true, Ordering::Relaxed);
    }

    /// The events of the last run; an error if it was given up.
    ///
    /// # Errors
    /// One sentence.
    pub fn events(&self) -> Result<&[Event], &'static CStr> {
        if self.is_restored.load(Ordering::Relaxed) {
            return Err(NOT_OURS);
        }
        if self.has_given_up.load(Ordering::Relaxed) {
            return Err(TOO_MUCH);
        }
        Ok(&self.events[..self.length.load(Ordering::Relaxed)])
    }

    /// The number of events of the last run.
    #[cfg(test)]
    #[must_use]
    pub fn length(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// The site at an address. Allocates nothing.
    #[must_use]
    pub fn find(&self, address: usize) -> Option<&Site> {
        let at = self.sites.partition_point(|site| site.address < address);
        self.sites.get(at).filter(|site| site.address == address)
    }

    /// Whether the calling thread is traced.
    #[must_use]
    pub fn is_traced(&self) -> bool {
        self.thread.load(Ordering::Relaxed) == ThisHost::thread_id()
    }

    /// Whether the run has exceeded a limit. From then on, a site that any thread meets is restored.
    #[must_use]
    pub fn has_given_up(&self) -> bool {
        if now() > self.deadline.load(Ordering::Relaxed) {
            self.has_given_up.store(true, Ordering::Relaxed);
        }
        self.has_given_up.load(Ordering::Relaxed)
    }

    /// Notes that another thread runs traced code.
    pub fn note_other_thread(&self) {
        self.has_other_thread.store(true, Ordering::Relaxed);
    }

    /// Whether another thread ran traced code in the last run. A change may then be that thread's.
    #[must_use]
    pub fn has_other_thread(&self) -> bool {
        self.has_other_thread.load(Ordering::Relaxed)
    }

    /// Adds an event of the traced thread. Allocates nothing.
    pub fn add(&self, event: Event) {
        let at = self.length.load(Ordering::Relaxed);
        if at >= self.events.len() || self.has_given_up() {
            self.has_given_up.store(true, Ordering::Relaxed);
            return;
        }
        // SAFETY: the place is in the vector. Only the traced thread writes here, in its handler, and nothing reads
        // until the run has ended.
        unsafe { self.events.as_ptr().add(at).cast_mut().write(event) };
        self.length.store(at + 1, Ordering::Relaxed);
    }

    /// Adds the counts at this moment as an event of no site: those before and behind the run.
    pub fn add_counts(&self, counts: [i64; super::watched::MOST]) {
        self.add(Event {
            kinds: Kinds::default(),
            counts,
            ..Event::default()
        });
    }

    /// Restores one site.
    ///
    /// # Safety
    /// The table is armed.
    pub unsafe fn restore(site: &Site) {
        // SAFETY: the page is writable since `arm`.
        unsafe { put(site.address, site.byte) };
    }

    /// Whether a trap still stands at an address of code.
    ///
    /// # Safety
    /// Code lies there.
    #[must_use]
    pub unsafe fn has_trap(address: usize) -> bool {
        // SAFETY: code is readable.
        unsafe { (*(address as *const AtomicU8)).load(Ordering::Acquire) == TRAP }
    }
}

/// Writes one byte of code. A processor that runs this code sees the old byte or the new one.
///
/// # Safety
/// The page is writable.
unsafe fn put(address: usize, byte: u8) {
    // Release: a thread that meets the trap also sees the table that was made before.
    // SAFETY: the caller promises a writable byte.
    unsafe { (*(address as *const AtomicU8)).store(byte, Ordering::Release) };
}

fn protect(pages: &Range<usize>, access: c_int) -> Result<(), ()> {
    // SAFETY: the pages belong to the code of a loaded library, and stay readable and executable.
    match unsafe { libc::mprotect(pages.start as *mut _, pages.len(), access) } {
        0 => Ok(()),
        _ => Err(()),
    }
}

/// The monotonic clock in nanoseconds. Safe in a handler of signals.
fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid place.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_ends_a_run() {
        let trace = Trace::new(Vec::new()).expect("no memory is needed");
        trace.deadline.store(u64::MAX, Ordering::Relaxed);
        for _ in 0..CAPACITY {
            trace.add(Event::default());
        }
        assert_eq!(trace.events().map(<[Event]>::len), Ok(CAPACITY));
        trace.add(Event::default());
        assert_eq!(trace.events().err(), Some(TOO_MUCH));
        let trace = Trace::new(Vec::new()).expect("no memory is needed");
        trace.deadline.store(now() - 1, Ordering::Relaxed);
        trace.add(Event::default());
        assert_eq!(trace.events().err(), Some(TOO_MUCH));
        assert_eq!(trace.length(), 0);
    }
}
