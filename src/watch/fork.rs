//! Forks: a child must not inherit a lock that another thread held.

use std::cell::UnsafeCell;

/// What is locked while the process forks.
type Held = Vec<Box<dyn std::any::Any>>;

struct Kept(UnsafeCell<Held>);

// SAFETY: written only between `prepare` and `release`, by the one thread that forks; the C library lets one at a
// time.
unsafe impl Sync for Kept {}

static KEPT: Kept = Kept(UnsafeCell::new(Vec::new()));

/// From now on every lock of this layer is free in both processes after a fork. Called once.
pub fn take_part() {
    // SAFETY: the functions take nothing and live as long as the library, which is never unloaded.
    unsafe { libc::pthread_atfork(Some(prepare), Some(release), Some(release)) };
}

/// Takes every lock, in the order in which they are nested.
unsafe extern "C" fn prepare() {
    let held: Held = vec![
        Box::new(super::birth_stacks::lock()),
        Box::new(super::traces::all()),
        Box::new(super::stacks::lock()),
        Box::new(super::chain::ALL.lock()),
        Box::new(super::refchain::ALL.lock()),
    ];
    // SAFETY: only the forking thread is here.
    unsafe { *KEPT.0.get() = held };
}

unsafe extern "C" fn release() {
    // SAFETY: only the thread that has forked is here, or its twin in the child.
    unsafe { (*KEPT.0.get()).clear() };
}
