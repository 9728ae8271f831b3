//! Forks: a child must not inherit a lock that another thread held.

use std::cell::UnsafeCell;
use std::sync::OnceLock;

/// What is locked while the process forks.
pub type Held = Vec<Box<dyn std::any::Any>>;

/// Takes the locks of the layers above, which are never asked for under one of this layer.
static OTHERS: OnceLock<fn() -> Held> = OnceLock::new();

struct Kept(UnsafeCell<Held>);

// SAFETY: written only between `prepare` and `release`, by the one thread that forks; the C library lets one at a
// time.
unsafe impl Sync for Kept {}

static KEPT: Kept = Kept(UnsafeCell::new(Vec::new()));

/// From now on every lock of this layer, and those that `others` takes, are free in both processes after a fork. Called once.
pub fn take_part(others: fn() -> Held) {
    let _ = OTHERS.set(others);
    // SAFETY: the functions take nothing and live as long as the library, which is never unloaded.
    unsafe { libc::pthread_atfork(Some(prepare), Some(release), Some(release)) };
}

/// Takes every lock, in the order in which they are nested.
unsafe extern "C" fn prepare() {
    let mut held = OTHERS.get().map_or_else(Vec::new, |others| others());
    let own: Held = vec![
        Box::new(super::birth_stacks::lock()),
        Box::new(super::traces::all()),
        Box::new(super::stacks::lock()),
        Box::new(super::lines::lock()),
        Box::new(super::chain::ALL.lock()),
        Box::new(super::refchain::ALL.lock()),
    ];
    held.extend(own);
    // SAFETY: only the forking thread is here.
    unsafe { *KEPT.0.get() = held };
}

unsafe extern "C" fn release() {
    // SAFETY: only the thread that has forked is here, or its twin in the child.
    unsafe { (*KEPT.0.get()).clear() };
}
