//! Source lines of Python that ran, each kept once.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

/// The number of a kept line.
pub type LineId = u32;

/// Stores the name of the source file that runs on this thread, and returns the line. `None` if no Python runs, or if
/// there is no memory. Makes no object and takes no memory from the host. The host's lock is held.
pub type Running = unsafe fn(&mut String) -> Option<u32>;

#[derive(Default)]
pub(super) struct Lines {
    ids: HashMap<(Box<str>, u32), LineId>,
    all: Vec<(Box<str>, u32)>,
    /// A buffer for the name of a file.
    name: String,
}

static LINES: LazyLock<Mutex<Lines>> = LazyLock::new(Mutex::default);
static RUNNING: OnceLock<Running> = OnceLock::new();

/// Sets the function of the host that finds the running line. Called once.
pub fn follow_host(running: Running) {
    let _ = RUNNING.set(running);
}

/// The line that runs on this thread.
///
/// # Safety
/// In a host, its lock is held.
#[must_use]
pub unsafe fn running() -> Option<LineId> {
    let running = RUNNING.get()?;
    let mut lines = lock();
    let mut name = std::mem::take(&mut lines.name);
    name.clear();
    // SAFETY: there is a host, and its lock is held, as the caller promises.
    let line = unsafe { running(&mut name) };
    let id = line.and_then(|line| lines.id(&name, line));
    lines.name = name;
    id
}

/// A line's file and number.
#[must_use]
pub fn get(id: LineId) -> Option<(Box<str>, u32)> {
    lock().all.get(id as usize).cloned()
}

impl Lines {
    /// The number of a line, which is kept from now on. `None` if there is no memory.
    fn id(&mut self, name: &str, line: u32) -> Option<LineId> {
        let key = (copy(name)?, line);
        if let Some(&id) = self.ids.get(&key) {
            return Some(id);
        }
        let kept = (copy(name)?, line);
        self.ids.try_reserve(1).ok()?;
        self.all.try_reserve(1).ok()?;
        let id = self.all.len() as LineId;
        self.all.push(kept);
        self.ids.insert(key, id);
        Some(id)
    }
}

fn copy(name: &str) -> Option<Box<str>> {
    let mut copy = String::new();
    copy.try_reserve_exact(name.len()).ok()?;
    copy.push_str(name);
    // The length equals the capacity, so this allocates nothing.
    Some(copy.into_boxed_str())
}

pub(super) fn lock() -> MutexGuard<'static, Lines> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}
