//! Compares every policy with a naive model of counting, by random operations, and with counts that code compiled
//! against CPython's own headers gave.

use crate::abi::FlaggedCount;

use super::{Flagged, Immortal, Plain, Policy, Released};

/// The simplest model of a count: a number, or immortal.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Model {
    Mortal(i64),
    Immortal,
}

impl Model {
    fn acquire(&mut self) -> bool {
        match self {
            Self::Mortal(n) => {
                *n += 1;
                true
            }
            Self::Immortal => false,
        }
    }

    fn release(&mut self) -> Released {
        match self {
            Self::Mortal(0) => Released::Negative,
            Self::Mortal(n) => {
                *n -= 1;
                if *n == 0 {
                    Released::Dead
                } else {
                    Released::Alive
                }
            }
            Self::Immortal => Released::Immortal,
        }
    }
}

/// A xorshift generator: random enough, and every run of one seed gives the same numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// The number of random sequences. Miri takes about a thousand times as long.
const SEEDS: u64 = if cfg!(miri) { 1 } else { 200 };

/// Runs the same random operations on a policy and on the model.
fn agree<P: Policy>(zero: impl Fn() -> P::Count, has_immortals: bool) {
    for seed in 1..=SEEDS {
        let mut random = Random(seed);
        let mut word = zero();
        let count = &raw mut word;
        // SAFETY: `count` points to a local variable that no other thread uses, and `birth` writes it first.
        unsafe { P::birth(count) };
        let mut model = Model::Mortal(1);
        for step in 0..2_000 {
            let at = format!("seed {seed}, step {step}, {model:?}");
            // SAFETY: `count` points to a local variable that no other thread uses, and `birth` wrote it.
            unsafe {
                match random.below(100) {
                    0..50 => assert_eq!(P::acquire(count), model.acquire(), "{at}"),
                    50..97 => {
                        let expected = model.release();
                        assert_eq!(P::release_checked(count), expected, "{at}");
                        if matches!(expected, Released::Dead | Released::Negative) {
                            P::birth(count);
                            model = Model::Mortal(1);
                        }
                    }
                    97 => {
                        let n = 1 + random.below(1_000) as i64;
                        P::set(count, n as isize);
                        if let Model::Mortal(m) = &mut model {
                            *m = n;
                        }
                    }
                    98 if has_immortals => {
                        P::immortalise(count);
                        model = Model::Immortal;
                    }
                    _ => {
                        P::birth(count);
                        model = Model::Mortal(1);
                    }
                }
                assert_eq!(P::is_immortal(count), model == Model::Immortal, "{at}");
                assert!(P::is_plausible(count), "{at}");
                if let Model::Mortal(n) = model {
                    assert_eq!(P::get(count), n as isize, "{at}");
                }
            }
        }
    }
}

#[test]
fn plain_agrees_with_the_model() {
    agree::<Plain>(|| 0x5A5A, false);
}

#[test]
fn immortal_agrees_with_the_model() {
    agree::<Immortal>(|| 0xFFFF_FFFF, true);
}

#[test]
fn flagged_agrees_with_the_model() {
    agree::<Flagged>(
        || FlaggedCount {
            ob_refcnt: 3 << 30,
            ob_overflow: 9,
            ob_flags: 5,
        },
        true,
    );
}

/// A start value; the word after an acquire; the word after a release, and whether the object is dead then; and the
/// word after it was set to 7. Taken from code compiled against CPython's headers.
type Vector = (u64, u64, (u64, bool), u64);

fn follow<P: Policy>(vectors: &[Vector]) {
    for &(start, acquired, (released, dead), set) in vectors {
        let run = |operate: &dyn Fn(*mut P::Count)| {
            let mut word = start;
            operate((&raw mut word).cast());
            word
        };
        // SAFETY: `run` hands out a word of the policy's size and alignment.
        unsafe {
            assert_eq!(size_of::<P::Count>(), 8);
            assert_eq!(run(&|c| _ = P::acquire(c)), acquired, "acquire {start:#x}");
            let outcome = std::cell::Cell::new(Released::Alive);
            assert_eq!(
                run(&|c| outcome.set(P::release(c))),
                released,
                "release {start:#x}"
            );
            assert_eq!(outcome.get() == Released::Dead, dead, "release {start:#x}");
            assert_eq!(run(&|c| P::set(c, 7)), set, "set {start:#x}");
        }
    }
}

#[test]
fn immortal_follows_cpythons_headers() {
    follow::<Immortal>(&[
        (0, 1, (u64::MAX, false), 7),
        (1, 2, (0, true), 7),
        (0x7FFF_FFFF, 0x8000_0000, (0x7FFF_FFFE, false), 7),
        (0x8000_0000, 0x8000_0001, (0x8000_0000, false), 0x8000_0000),
        (0xFFFF_FFFE, 0xFFFF_FFFF, (0xFFFF_FFFE, false), 0xFFFF_FFFE),
        (0xFFFF_FFFF, 0xFFFF_FFFF, (0xFFFF_FFFF, false), 0xFFFF_FFFF),
        (0x1_0000_0000, 0x1_0000_0001, (0xFFFF_FFFF, false), 7),
        (0x1_0000_0001, 0x1_0000_0002, (0x1_0000_0000, false), 7),
        (
            0x5_0000_C000_0000,
            0x5_0000_C000_0001,
            (0x5_0000_C000_0000, false),
            0x5_0000_C000_0000,
        ),
    ]);
}

#[test]
fn flagged_follows_cpythons_headers() {
    follow::<Flagged>(&[
        (0, 1, (0xFFFF_FFFF, false), 7),
        (1, 2, (0, true), 7),
        (0x7FFF_FFFF, 0x8000_0000, (0x7FFF_FFFE, false), 7),
        (0xBFFF_FFFF, 0xC000_0000, (0xBFFF_FFFF, false), 0xBFFF_FFFF),
        (0xC000_0000, 0xC000_0000, (0xC000_0000, false), 0xC000_0000),
        (
            0x1_0000_0000,
            0x1_0000_0001,
            (0x1_FFFF_FFFF, false),
            0x1_0000_0007,
        ),
        (
            0x1_0000_0001,
            0x1_0000_0002,
            (0x1_0000_0000, true),
            0x1_0000_0007,
        ),
        (
            0x1_0000_8000_0000,
            0x1_0000_8000_0001,
            (0x1_0000_8000_0000, false),
            0x1_0000_8000_0000,
        ),
    ]);
}

#[test]
fn a_checked_release_finds_what_cpythons_debug_headers_find() {
    let negative = |word: u64| {
        let (mut a, mut b) = (word, word);
        // SAFETY: both are local variables with the size and alignment of the policies' counts.
        unsafe {
            (
                Immortal::release_checked((&raw mut a).cast()) == Released::Negative,
                Flagged::release_checked((&raw mut b).cast()) == Released::Negative,
            )
        }
    };
    for (word, expected) in [
        (0, (true, true)),
        (1, (false, false)),
        (0xFFF0_0000, (false, true)),
        (0xFFEF_FFFF, (false, false)),
        (0xFFFF_FFFF, (false, true)),
        (0x1_0000_0000, (false, false)),
        (0x1_FFFF_FFFF, (false, true)),
        (0xDDDD_DDDD_DDDD_DDDD, (true, true)),
    ] {
        assert_eq!(negative(word), expected, "{word:#x}");
    }
    let mut word = 0_isize;
    // SAFETY: `word` is a local variable.
    let outcome = unsafe { Plain::release_checked(&raw mut word) };
    assert_eq!(outcome, Released::Negative);
    assert_eq!(word, -1, "up to 3.11 the count is lowered first");
}
