//! A model checker runs every interleaving of a few threads that count one object.
//!
//! Each model fixes which thread has which references, and what each thread does. In the end all references are given
//! back. So the object must have died exactly once, and each thread with a reference must have found it alive. The
//! checker also fails where a death is not ordered after another thread's last read of the object. Two threads are
//! checked in all their interleavings, three with at most [`PREEMPTIONS`] preemptions in each run.

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::sync::atomic::{AtomicIsize, AtomicU32, AtomicUsize};
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::merge_queue::{self, Handed, MergeQueue, Owner};
use super::protocol;
use super::words::{Word, Words};
use crate::refcount::{Released, Tried};

/// Three find the fault in every mutation of the counting. Four find no more and take ten times as long.
const PREEMPTIONS: usize = 3;

const A: usize = 1;
const B: usize = 2;
const C: usize = 3;

/// An object, and the process around it.
struct World {
    tid: AtomicUsize,
    local: AtomicU32,
    shared: AtomicIsize,
    /// A thread with a reference reads it; a death overwrites it.
    body: UnsafeCell<&'static str>,
    deaths: std::sync::atomic::AtomicUsize,
    queue: MergeQueue<Mutex<Vec<Owner<()>>>, 1>,
}

impl Words for World {
    fn tid(&self) -> &impl Word<usize> {
        &self.tid
    }

    fn local(&self) -> &impl Word<u32> {
        &self.local
    }

    fn shared(&self) -> &impl Word<isize> {
        &self.shared
    }
}

impl World {
    /// An object that A owns. A has counted `local` references, and `shared` is the shared word.
    fn new(local: u32, shared: isize) -> Arc<Self> {
        let world = Self {
            tid: AtomicUsize::new(A),
            local: AtomicU32::new(local),
            shared: AtomicIsize::new(shared),
            body: UnsafeCell::new("alive"),
            deaths: 0.into(),
            queue: MergeQueue::new([Mutex::new(Vec::new())]),
        };
        world.queue.register(A);
        Arc::new(world)
    }

    /// Uses a reference.
    fn look(&self) {
        // SAFETY: the checker fails where another thread writes meanwhile.
        self.body.with(|body| assert_eq!(unsafe { *body }, "alive"));
    }

    fn acquire(&self, me: usize) {
        self.look();
        protocol::acquire(self, me);
    }

    fn release(&self, me: usize) {
        self.look();
        self.end(protocol::release(self, me));
    }

    fn end(&self, outcome: Released) {
        match outcome {
            Released::Dead => self.die(),
            Released::Owners if protocol::mark_queued(self) => match self.queue.queue((), self) {
                Handed::Back => self.end(protocol::release_shared(self)),
                Handed::Dead => self.die(),
                Handed::Alive | Handed::Waits => {}
            },
            Released::Alive => {}
            Released::Foreign | Released::Owners => self.end(protocol::release_shared(self)),
            Released::Immortal | Released::Negative => panic!("{outcome:?}"),
        }
    }

    fn die(&self) {
        // Relaxed, here and below: the checker runs one thread at a time.
        let before = self
            .deaths
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(before, 0, "it has died before");
        // SAFETY: the checker fails where another thread reads meanwhile.
        self.body.with_mut(|body| unsafe { *body = "dead" });
    }

    fn merge_queued(&self, me: usize) {
        for () in self.queue.take(me) {
            self.look();
            if merge_queue::merge(self) {
                self.die();
            }
        }
    }

    /// Ends the thread.
    fn leave(&self, me: usize) {
        self.merge_queued(me);
        while !self.queue.leave(me) {
            self.merge_queued(me);
        }
    }

    /// Takes a reference without owning one, uses it and gives it back.
    fn try_to_use(&self, me: usize) {
        if protocol::try_acquire(self, me) == Tried::Acquired {
            self.release(me);
        }
    }

    /// Takes back the reference that a finalizer ran with.
    fn let_go(&self, me: usize) {
        if protocol::let_go_alone(self, me) {
            self.die();
        } else {
            self.end(protocol::let_go(self, me));
        }
    }

    /// Runs a finalizer in a `tp_dealloc`, on the thread that ends the object. The finalizer gives one reference to
    /// `heir`.
    fn finalize(&self, me: usize, heir: impl FnOnce()) {
        protocol::revive(self, me);
        protocol::acquire(self, me);
        heir();
        self.let_go(me);
    }
}

/// What one thread does.
type Script = fn(&World, usize);

/// Runs A's script at the same time as the scripts of the other threads.
fn explore(world: fn() -> Arc<World>, a: Script, others: &'static [(usize, Script)]) {
    let mut builder = Builder::new();
    builder.preemption_bound = (others.len() > 1).then_some(PREEMPTIONS);
    builder.check(move || {
        let world = world();
        let threads: Vec<_> = others
            .iter()
            .map(|&(me, script)| {
                let world = world.clone();
                thread::spawn(move || script(&world, me))
            })
            .collect();
        a(&world, A);
        for other in threads {
            other.join().expect("no thread fails");
        }
        let deaths = world.deaths.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(deaths, 1, "all references were given back");
    });
}

fn release(world: &World, me: usize) {
    world.release(me);
}

fn release_and_leave(world: &World, me: usize) {
    world.release(me);
    world.leave(me);
}

fn leave(world: &World, me: usize) {
    world.leave(me);
}

fn copy_and_release(world: &World, me: usize) {
    world.acquire(me);
    world.release(me);
    world.release(me);
}

fn try_to_use(world: &World, me: usize) {
    world.try_to_use(me);
}

#[test]
fn a_reference_of_the_owners_is_given_back_elsewhere() {
    explore(|| World::new(2, 0), release_and_leave, &[(B, release)]);
}

#[test]
fn the_last_reference_is_given_back_while_the_owner_ends() {
    explore(|| World::new(1, 0), leave, &[(B, release)]);
}

#[test]
fn a_counted_reference_is_given_back_while_the_owner_lets_go() {
    explore(
        || World::new(1, protocol::ONE),
        release_and_leave,
        &[(B, release)],
    );
}

#[test]
fn references_are_copied_elsewhere_while_the_owner_lets_go() {
    explore(
        || World::new(2, 0),
        release_and_leave,
        &[(B, copy_and_release)],
    );
}

#[test]
fn the_owner_merges_twice() {
    explore(
        || World::new(3, 0),
        |world, me| {
            world.merge_queued(me);
            world.release(me);
            world.leave(me);
        },
        &[(B, |world, me| {
            world.release(me);
            world.release(me);
        })],
    );
}

#[test]
fn a_try_meets_the_owners_last_release() {
    explore(
        || World::new(1, protocol::MAYBE_WEAKREF),
        release_and_leave,
        &[(B, try_to_use)],
    );
}

#[test]
fn a_try_that_was_not_allowed_meets_the_owners_last_release() {
    explore(|| World::new(1, 0), release_and_leave, &[(B, try_to_use)]);
}

#[test]
fn a_try_is_allowed_while_another_thread_lets_go() {
    explore(
        || World::new(2, 0),
        |world, me| {
            protocol::enable_try(world);
            release_and_leave(world, me);
        },
        &[(B, |world, me| {
            world.release(me);
            world.try_to_use(me);
        })],
    );
}

#[test]
fn two_threads_release_an_object_without_an_owner() {
    explore(
        || {
            let world = World::new(0, (2 * protocol::ONE) | protocol::MERGED);
            world.tid.store(0, std::sync::atomic::Ordering::Relaxed);
            world
        },
        release,
        &[(B, release)],
    );
}

#[test]
fn a_finalizer_hands_a_reference_to_another_thread() {
    let mut builder = Builder::new();
    builder.preemption_bound = None;
    builder.check(|| {
        let world = World::new(0, 0);
        let other = world.clone();
        let mut heir = None;
        world.finalize(A, || {
            heir = Some(thread::spawn(move || other.release(B)));
        });
        world.leave(A);
        heir.expect("it was started").join().expect("it ends");
        let deaths = world.deaths.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(deaths, 1);
    });
}

#[test]
fn a_finalizer_has_its_object_copied_by_another_thread() {
    let mut builder = Builder::new();
    builder.preemption_bound = None;
    builder.check(|| {
        let world = World::new(0, 0);
        let other = world.clone();
        protocol::revive(&*world, A);
        world.acquire(B);
        let heir = thread::spawn(move || other.release(B));
        world.let_go(A);
        world.leave(A);
        heir.join().expect("it ends");
        let deaths = world.deaths.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(deaths, 1);
    });
}

#[test]
fn two_give_back_references_of_the_owners() {
    explore(
        || World::new(3, 0),
        release_and_leave,
        &[(B, release), (C, release)],
    );
}

#[test]
fn two_give_back_while_the_owner_only_merges() {
    explore(
        || World::new(2, 0),
        |world, me| {
            world.merge_queued(me);
            world.leave(me);
        },
        &[(B, release), (C, release)],
    );
}

#[test]
fn one_copies_and_one_gives_back_while_the_owner_lets_go() {
    explore(
        || World::new(2, protocol::ONE),
        release_and_leave,
        &[(B, copy_and_release), (C, release)],
    );
}

#[test]
fn a_try_meets_two_that_let_go() {
    explore(
        || World::new(2, protocol::MAYBE_WEAKREF),
        release_and_leave,
        &[(B, release), (C, try_to_use)],
    );
}

#[test]
fn two_tries_meet_the_owners_last_release() {
    explore(
        || World::new(1, protocol::MAYBE_WEAKREF),
        release_and_leave,
        &[(B, try_to_use), (C, try_to_use)],
    );
}
