//! Forks: a child must not inherit a lock that another thread held.

use std::cell::UnsafeCell;
use std::sync::OnceLock;

/// The locks that are held while the process forks.
pub type Locks = Vec<Box<dyn std::any::Any>>;

/// Takes the locks of the layers above. A thread that holds a lock of this layer never waits for one of them.
static OTHERS: OnceLock<fn() -> Locks> = OnceLock::new();

struct LockCell(UnsafeCell<Locks>);

// SAFETY: used only between `prepare` and `release`, by the thread that forks. The C library lets one thread fork at a
// time.
unsafe impl Sync for LockCell {}

static LOCKED: LockCell = LockCell(UnsafeCell::new(Vec::new()));

/// Sets fork handlers. During a fork they hold every lock of this layer, and those that `others` takes. So the locks
/// are free in both processes afterwards. Called once.
pub fn take_part(others: fn() -> Locks) {
    let _ = OTHERS.set(others);
    // SAFETY: the functions take nothing and live as long as the library, which is never unloaded.
    unsafe { libc::pthread_atfork(Some(prepare), Some(release), Some(release)) };
}

/// Takes every lock, in the order in which they are nested.
unsafe extern "C" fn prepare() {
    let mut held = OTHERS.get().map_or_else(Vec::new, |others| others());
    let own: Locks = vec![
        Box::new(super::birth_stacks::lock()),
        Box::new(super::traces::all()),
        Box::new(super::stacks::lock()),
        Box::new(super::lines::lock()),
        Box::new(super::chain::ALL.lock()),
        Box::new(super::refchain::ALL.lock()),
    ];
    held.extend(own);
    // SAFETY: only the forking thread runs this.
    unsafe { *LOCKED.0.get() = held };
}

unsafe extern "C" fn release() {
    // SAFETY: only the thread that forked runs this, or its copy in the child.
    unsafe { (*LOCKED.0.get()).clear() };
}
