//! Looks for a sequence on which the two libraries differ, and shortens it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::child::{self, End};
use crate::operation::{Operation, sequences};
use crate::side::Side;
use crate::twins::Twins;

/// Seconds for one sequence while shrinking; a sequence takes milliseconds.
const PATIENCE: u32 = 20;

/// The child's progress, in memory that it shares with this process.
struct Progress {
    sequences: AtomicU64,
    operations: AtomicU64,
}

/// Runs that many operations and prints the outcome. Returns whether the two libraries agree on all of them.
pub(crate) fn hunt(sides: [&'static Side; 2], operations: u64, seed: u64) -> bool {
    let progress = Progress::shared();
    let start = Instant::now();
    let end = child::run(false, None, || search(sides, operations, seed, progress));
    let done = progress.operations.load(Ordering::Relaxed);
    let sequence = progress.sequences.load(Ordering::Relaxed);
    if end == End::Exit(0) {
        println!(
            "  seed {seed}: {done} operations in {sequence} sequences agree, {:.1?}",
            start.elapsed()
        );
        return true;
    }
    println!("  seed {seed}: the two differ in sequence {sequence}, after {done} operations");
    if !shrink(sides, seed, sequence) {
        println!(
            "  alone that sequence does not differ: what came before it in the same process matters"
        );
    }
    false
}

/// The child's work: runs sequences until there were enough operations, or until the two libraries differ.
fn search(sides: [&'static Side; 2], operations: u64, seed: u64, progress: &Progress) -> i32 {
    let strategy = sequences(sides);
    let mut twins = Twins::new(sides, false);
    let mut done = 0;
    for number in 0.. {
        progress.sequences.store(number, Ordering::Relaxed);
        progress.operations.store(done, Ordering::Relaxed);
        if done >= operations {
            break;
        }
        let sequence = strategy
            .new_tree(&mut runner(seed, number))
            .expect("a sequence")
            .current();
        if let Err(difference) = twins.run(&sequence) {
            println!("  {difference}");
            return 1;
        }
        done += sequence.len() as u64;
    }
    0
}

/// Makes the sequence of this number as short as proptest can, and prints its steps. False if the sequence does
/// not differ in a new process.
fn shrink(sides: [&'static Side; 2], seed: u64, number: u64) -> bool {
    let differs = |sequence: Vec<Operation>| {
        let quietly = || i32::from(Twins::new(sides, false).run(&sequence).is_err());
        child::run(true, Some(PATIENCE), quietly) != End::Exit(0)
    };
    let strategy = sequences(sides);
    let mut tree = strategy
        .new_tree(&mut runner(seed, number))
        .expect("a sequence");
    let mut shortest = tree.current();
    if !differs(shortest.clone()) {
        return false;
    }
    let mut going = tree.simplify();
    while going {
        let shorter = tree.current();
        going = if differs(shorter.clone()) {
            shortest = shorter;
            tree.simplify()
        } else {
            tree.complicate()
        };
    }
    println!("  shrunk to seed {seed}, {} operations:", shortest.len());
    let telling = || {
        let outcome = Twins::new(sides, true).run(&shortest);
        if let Err(difference) = &outcome {
            println!("  {difference}");
        }
        i32::from(outcome.is_err())
    };
    if let End::Signal(signal) = child::run(false, Some(PATIENCE), telling) {
        println!("  there the process was killed by signal {signal}");
    }
    true
}

/// The generator of a sequence; the same seed and number always give the same sequence.
fn runner(seed: u64, number: u64) -> TestRunner {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mix(seed).to_le_bytes());
    bytes[8..].copy_from_slice(&mix(seed ^ mix(number)).to_le_bytes());
    TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::XorShift, &bytes),
    )
}

/// Spreads a number over all bits (splitmix64). Only one number gives zero, so the two halves of a seed are not
/// both zero.
fn mix(number: u64) -> u64 {
    let mut word = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

impl Progress {
    /// New counters in memory that children share.
    fn shared() -> &'static Self {
        // SAFETY: a new mapping is aligned and zeroed, two zeroed counters are valid, and it is never unmapped.
        unsafe {
            let (access, kind) = (
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            );
            let page = libc::mmap(std::ptr::null_mut(), size_of::<Self>(), access, kind, -1, 0);
            assert!(page != libc::MAP_FAILED, "there is memory for two counters");
            &*page.cast()
        }
    }
}
