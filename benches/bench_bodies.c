/* The timed loops. Their instructions are counted too. */

#include "bench_objects.h"

static void empty(long turns)
{
    PyObject *op = (PyObject *)&plain.node;
    for (long i = 0; i < turns; i++) {
        HIDE(op);
    }
}

BODY(exported_pair, MANY, Py_IncRef(op); Py_DecRef(op))
BODY(inline_pair, MANY, Py_INCREF(op); HIDE(op); Py_DECREF(op))
BODY(birth_and_death, START_DEAD, _Py_NewReference(op); Py_DecRef(op))
BODY(tracing_off, , PyTraceMalloc_Track(0, 64, 64); PyTraceMalloc_Untrack(0, 64))

#if !defined(Py_REF_DEBUG) && !defined(Py_TRACE_REFS)
/* Uses the objects of a ring in turn, so that their table entries do not stay in one cache line. */
static void birth_and_death_ring(long turns)
{
    for (long i = 0; i < RING; i++) {
        object_of(&ring[i], &plain_type);
    }
    for (long i = 0; i < turns; i++) {
        PyObject *op = (PyObject *)&ring[i % RING].node;
        HIDE(op);
        _Py_NewReference(op);
        Py_DecRef(op);
        for (int k = 0; k < BENCH_HANDICAP; k++) {
            spare++;
        }
    }
}

/* One turn ends a chain of containers, each of which owns the next. */
static void nested_death(long turns)
{
    for (long i = 0; i < CHAIN; i++) {
        object_of(&chain[i], &link_type);
        chain[i].node.next = i + 1 < CHAIN ? &chain[i + 1].node : NULL;
    }
    for (long i = 0; i < turns; i++) {
        for (long k = 0; k < CHAIN; k++) {
            PyObject *op = (PyObject *)&chain[k].node;
            Py_SET_REFCNT(op, 1);
            for (int j = 0; j < BENCH_HANDICAP; j++) {
                spare++;
            }
        }
        PyObject *op = (PyObject *)&chain[0].node;
        HIDE(op);
        Py_DECREF(op);
    }
}
#endif

const Body bench_bodies[] = {
    {"empty loop", empty, 1, 't', NULL},
    {"exported IncRef/DecRef pair", exported_pair, 1, 't', NULL},
    {"inline INCREF/DECREF pair", inline_pair, 1, 't', NULL},
    {"birth and death", birth_and_death, 1, 't', NULL},
    {"tracing off: Track/Untrack pair", tracing_off, 1, 't', NULL},
#if !defined(Py_REF_DEBUG) && !defined(Py_TRACE_REFS)
    {"birth and death, 4096 objects in turn", birth_and_death_ring, 1, 't', NULL},
    {"nested death, of 1000 per object", nested_death, CHAIN, 't', NULL},
#endif
    {NULL, NULL, 0, 0, NULL},
};
