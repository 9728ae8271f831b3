//! The operations on the twins, and the generator of their sequences.

use std::sync::atomic::Ordering::Relaxed;

use proptest::collection;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

use crate::kinds::Kind;
use crate::library::Symbol;
use crate::side::Side;

/// How an object gets its first reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Init,
    NewReference,
    NoTotal,
}

/// One step of a sequence. A step names an object by its index among the live objects, so that a sequence
/// stays valid when shrinking removes other steps.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    New {
        kind: Kind,
        way: Way,
        stale: u8,
        script: u8,
    },
    Call {
        call: Call,
        object: u8,
    },
    Null {
        symbol: Symbol,
    },
    Link {
        holder: u8,
        slot: u8,
        held: u8,
    },
    Unlink {
        holder: u8,
        slot: u8,
    },
    SetCount {
        object: u8,
        more: u8,
    },
    SetSize {
        object: u8,
        size: u8,
    },
    /// Stores a count of zero, as an inline `Py_DECREF` does, and calls `_Py_Dealloc`.
    Dealloc {
        object: u8,
    },
    /// Makes a chain of containers and drops it.
    Nest {
        depth: u16,
        shape: u8,
        script: u8,
    },
    /// Makes an object with unusual words in its head, and calls one function on it.
    Strange {
        words: u8,
        call: Call,
        kind: Kind,
    },
    /// The object leaves the list of all objects and is born again, like an object that realloc has moved.
    Move {
        object: u8,
    },
    /// Deposits dying containers in the trashcan, then destroys the chain.
    Deposit {
        count: u8,
    },
    /// Drops containers when the stack is almost full.
    Low {
        count: u8,
        depth: u8,
    },
    Tracer {
        which: u8,
    },
    Track {
        object: u8,
        domain: u8,
        size: u8,
    },
    Untrack {
        object: u8,
        domain: u8,
    },
    Tracing {
        on: bool,
    },
    Total {
        symbol: Symbol,
    },
    List,
    /// The other thread, or the first one again, does the next steps.
    Turn {
        other: bool,
    },
    /// The other thread ends; another one may take its place.
    End,
    /// The thread merges its queued objects.
    Merge,
}

/// How a call with one object changes the number of references that the caller owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    Adds,
    Removes,
    /// Adds one if the answer is not 0.
    Tries,
}

/// The result of a call, which decides how the two results are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Nothing,
    Int,
    Size,
    /// The object itself.
    Same,
    /// Its type.
    Type,
}

/// A function of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) symbol: Symbol,
    pub(crate) effect: Effect,
    pub(crate) answer: Answer,
}

/// Each function of one object, with its weight.
const CALLS: [(u32, Call); 21] = {
    use Answer::{Int, Same, Size, Type};
    use Effect::{Adds, Removes, Tries};
    use Symbol::*;
    const fn call(symbol: Symbol, effect: Effect, answer: Answer) -> Call {
        Call {
            symbol,
            effect,
            answer,
        }
    }
    [
        (12, call(Py_IncRef, Adds, Answer::Nothing)),
        (14, call(Py_DecRef, Removes, Answer::Nothing)),
        (6, call(_Py_IncRef, Adds, Answer::Nothing)),
        (10, call(_Py_DecRef, Removes, Answer::Nothing)),
        // The inline `Py_DECREF` of a free-threaded flavour.
        (14, call(_Py_DecRefShared, Removes, Answer::Nothing)),
        (3, call(Py_NewRef, Adds, Same)),
        (3, call(Py_XNewRef, Adds, Same)),
        (4, call(PyUnstable_TryIncRef, Tries, Int)),
        (
            1,
            call(PyUnstable_EnableTryIncRef, Effect::Nothing, Answer::Nothing),
        ),
        (1, call(PyUnstable_IsImmortal, Effect::Nothing, Int)),
        (1, call(PyUnstable_SetImmortal, Effect::Nothing, Int)),
        (
            1,
            call(PyUnstable_Object_IsUniquelyReferenced, Effect::Nothing, Int),
        ),
        (1, call(_Py_SetImmortal, Effect::Nothing, Answer::Nothing)),
        (
            1,
            call(_Py_SetImmortalUntracked, Effect::Nothing, Answer::Nothing),
        ),
        (1, call(Py_REFCNT, Effect::Nothing, Size)),
        (1, call(Py_TYPE, Effect::Nothing, Type)),
        (1, call(Py_SIZE, Effect::Nothing, Size)),
        (1, call(Py_Is, Effect::Nothing, Int)),
        (1, call(Py_IS_TYPE, Effect::Nothing, Int)),
        (
            2,
            call(PyObject_CallFinalizer, Effect::Nothing, Answer::Nothing),
        ),
        (
            1,
            call(_Py_ResurrectReference, Effect::Nothing, Answer::Nothing),
        ),
    ]
};

/// The greatest length of a sequence.
const LENGTH: usize = 200;

/// Sequences of operations that both sides have.
pub(crate) fn sequences(sides: [&'static Side; 2]) -> impl Strategy<Value = Vec<Operation>> {
    let both = |symbol: Symbol| sides.iter().all(|side| side.has(symbol));
    let flavour = sides[0].flavour;
    let calls: Vec<Call> = CALLS
        .iter()
        .filter(|(_, call)| both(call.symbol))
        // With trace refs the object is in the list, and a debug build asserts that it is not.
        .filter(|(_, call)| {
            call.symbol != Symbol::_Py_ResurrectReference
                || !flavour.trace_refs
                    && !sides
                        .iter()
                        .any(|side| side.tells_resurrection.load(Relaxed))
        })
        .flat_map(|(weight, call)| std::iter::repeat_n(*call, *weight as usize))
        .collect();
    let one_of = |symbols: &[Symbol]| {
        symbols
            .iter()
            .copied()
            .filter(|symbol| both(*symbol))
            .collect::<Vec<_>>()
    };
    let nulls = one_of(&[Symbol::Py_IncRef, Symbol::Py_DecRef, Symbol::Py_XNewRef]);
    let totals = one_of(&[
        Symbol::_Py_INCREF_IncRefTotal,
        Symbol::_Py_DECREF_DecRefTotal,
        Symbol::_Py_IncRefTotal,
        Symbol::_Py_DecRefTotal,
    ]);
    let mut ways = vec![Way::Init, Way::Init, Way::NewReference];
    ways.retain(|way| *way != Way::NewReference || both(Symbol::_Py_NewReference));
    ways.extend(both(Symbol::_Py_NewReferenceNoTotal).then_some(Way::NoTotal));
    let (kinds, object, slot) = (|| select(&Kind::ALL), any::<u8>, || 0..4_u8);

    let call = (select(calls.clone()), object())
        .prop_map(|(call, object)| Operation::Call { call, object });
    let new =
        (kinds(), select(ways), any::<u8>(), 0..8_u8).prop_map(|(kind, way, stale, script)| {
            Operation::New {
                kind,
                way,
                stale,
                script,
            }
        });
    let link = (object(), slot(), object()).prop_map(|(holder, slot, held)| Operation::Link {
        holder,
        slot,
        held,
    });
    let unlink = (object(), slot()).prop_map(|(holder, slot)| Operation::Unlink { holder, slot });
    let strange = (any::<u8>(), select(calls), kinds())
        .prop_map(|(words, call, kind)| Operation::Strange { words, call, kind });
    // At a depth of fifty ours defers a death, where 3.13 nests on.
    let deepest = if sides[1].flavour.minor == 13 {
        45
    } else {
        300
    };
    let depth = 1..deepest + 1_u16;
    let nest = (depth, any::<u8>(), 0..8_u8).prop_map(|(depth, shape, script)| Operation::Nest {
        depth,
        shape,
        script,
    });
    let mut all: Vec<(u32, BoxedStrategy<Operation>)> = vec![
        (300, call.boxed()),
        (100, new.boxed()),
        (80, link.boxed()),
        (40, unlink.boxed()),
        (60, strange.boxed()),
        (4, nest.boxed()),
        (
            20,
            object()
                .prop_map(|object| Operation::Dealloc { object })
                .boxed(),
        ),
        (
            4,
            select(nulls)
                .prop_map(|symbol| Operation::Null { symbol })
                .boxed(),
        ),
        (
            10,
            (object(), 0..3_u8, any::<u8>())
                .prop_map(|(object, domain, size)| Operation::Track {
                    object,
                    domain,
                    size,
                })
                .boxed(),
        ),
        (
            10,
            (object(), 0..3_u8)
                .prop_map(|(object, domain)| Operation::Untrack { object, domain })
                .boxed(),
        ),
        (
            1,
            any::<bool>()
                .prop_map(|on| Operation::Tracing { on })
                .boxed(),
        ),
    ];
    if both(Symbol::_Py_SetRefcnt) {
        let set =
            (object(), any::<u8>()).prop_map(|(object, more)| Operation::SetCount { object, more });
        all.push((20, set.boxed()));
    }
    if both(Symbol::Py_SET_SIZE) {
        let set =
            (object(), any::<u8>()).prop_map(|(object, size)| Operation::SetSize { object, size });
        all.push((10, set.boxed()));
    }
    if both(Symbol::_Py_ForgetReference) || (both(Symbol::_Py_NewReference) && !flavour.trace_refs)
    {
        all.push((
            20,
            object()
                .prop_map(|object| Operation::Move { object })
                .boxed(),
        ));
    }
    if both(Symbol::_PyTrash_thread_deposit_object)
        && (!flavour.trace_refs || both(Symbol::_Py_ForgetReference))
    {
        all.push((
            10,
            (1..20_u8)
                .prop_map(|count| Operation::Deposit { count })
                .boxed(),
        ));
    }
    if !flavour.types_use_trashcan() {
        let low = (1..8_u8, 1..6_u8).prop_map(|(count, depth)| Operation::Low { count, depth });
        all.push((4, low.boxed()));
    }
    if both(Symbol::PyRefTracer_SetTracer) {
        all.push((
            6,
            (0..3_u8)
                .prop_map(|which| Operation::Tracer { which })
                .boxed(),
        ));
    }
    if !totals.is_empty() {
        all.push((
            10,
            select(totals)
                .prop_map(|symbol| Operation::Total { symbol })
                .boxed(),
        ));
    }
    if flavour.trace_refs && !flavour.has_links() {
        all.push((1, Just(Operation::List).boxed()));
    }
    if flavour.free_threaded {
        all.push((
            20,
            any::<bool>()
                .prop_map(|other| Operation::Turn { other })
                .boxed(),
        ));
        all.push((10, Just(Operation::Merge).boxed()));
        all.push((2, Just(Operation::End).boxed()));
    }
    collection::vec(Union::new_weighted(all), 1..=LENGTH)
}
