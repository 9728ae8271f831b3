/* The loops that the benches measure, as C code for extensions is written: compiled into a shared object once
 * against pyrefcore.h and once, with -DAGAINST_PYTHON_H, against Python.h. Both have the same objects at the
 * same alignment and differ only in header and library. See benches/run.sh.
 *
 * -DBENCH_HANDICAP=N adds N useless increments to each turn of each loop but the empty one. */

#ifdef AGAINST_PYTHON_H
#include <Python.h>
#else
#include <pyrefcore.h>
#endif

/* What older CPythons lack is spelled the way code for them spells it. */
#ifdef AGAINST_PYTHON_H
#if PY_VERSION_HEX < 0x03090000
#define Py_IS_TYPE(op, type) (Py_TYPE(op) == (type))
#define Py_SET_REFCNT(op, n) (Py_REFCNT(op) = (n))
#define Py_SET_SIZE(op, n) (Py_SIZE(op) = (n))
#define Py_SET_TYPE(op, type) (Py_TYPE(op) = (type))
#endif
#if PY_VERSION_HEX < 0x030A0000
#define Py_NewRef(op) (Py_INCREF(op), (op))
#define Py_XNewRef(op) (Py_XINCREF(op), (op))
#endif
#endif

#ifndef BENCH_HANDICAP
#define BENCH_HANDICAP 0
#endif

/* The compiler knows nothing about the object here, and memory may have changed. */
#define HIDE(op) __asm__ volatile("" : "+r"(op) : : "memory")
#define USE(value) __asm__ volatile("" : : "r"(value) : "memory")

#define CHAIN 1000
#define RING 4096

typedef struct node {
    PyVarObject ob_base;
    struct node *next;
} Node;

/* Every object has a collector's head in front of it, whether its type uses it or not, and is as large as
 * a cache line. */
typedef struct {
    uintptr_t gc[2];
    Node node;
} __attribute__((aligned(64))) Slot;

static void nothing(PyObject *op)
{
    (void)op;
}

static void end_chain(PyObject *op)
{
    Py_TRASHCAN_BEGIN(op, end_chain)
    Py_XDECREF((PyObject *)((Node *)op)->next);
    Py_TRASHCAN_END
}

static int visit_nothing(PyObject *op, visitproc visit, void *arg)
{
    (void)op, (void)visit, (void)arg;
    return 0;
}

static PyTypeObject plain_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "bench.plain",
    .tp_basicsize = sizeof(Node),
    .tp_dealloc = nothing,
    .tp_flags = Py_TPFLAGS_DEFAULT,
};

static PyTypeObject link_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "bench.link",
    .tp_basicsize = sizeof(Node),
    .tp_dealloc = end_chain,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = visit_nothing,
};

static Slot plain, other, chain[CHAIN], ring[RING];
static PyObject *place;
static volatile unsigned spare;

/* Not inline, so that what a birth looks like changes nothing in the loops. */
__attribute__((noinline)) static PyObject *object_of(Slot *slot, PyTypeObject *type)
{
    PyObject *op = (PyObject *)&slot->node;
    Py_SET_TYPE(op, type);
    _Py_NewReference(op);
    return op;
}

__attribute__((noinline)) static void set_count(PyObject *op, Py_ssize_t count)
{
    Py_SET_REFCNT(op, count);
}

#define BODY(name, setup, turn) \
    static void name(long turns) \
    { \
        PyObject *op = object_of(&plain, &plain_type); \
        PyObject *old = object_of(&other, &plain_type); \
        (void)old; \
        setup; \
        for (long i = 0; i < turns; i++) { \
            HIDE(op); \
            turn; \
            for (int k = 0; k < BENCH_HANDICAP; k++) { \
                spare++; \
            } \
        } \
    }

#define MANY set_count(op, 1 << 24); set_count(old, 1 << 24)

/* ---- Timed ---- */

static void empty(long turns)
{
    PyObject *op = (PyObject *)&plain.node;
    for (long i = 0; i < turns; i++) {
        HIDE(op);
    }
}

BODY(exported_pair, MANY, Py_IncRef(op); Py_DecRef(op))
BODY(inline_pair, MANY, Py_INCREF(op); HIDE(op); Py_DECREF(op))
BODY(birth_and_death, , _Py_NewReference(op); Py_DecRef(op))
BODY(tracing_off, , PyTraceMalloc_Track(0, 64, 64); PyTraceMalloc_Untrack(0, 64))

/* The objects of a ring follow each other, so that a table of them does not stay in one cache line. */
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

/* ---- Exported functions: instructions ---- */

BODY(f_incref, , Py_IncRef(op))
BODY(f_decref, MANY, Py_DecRef(op))
BODY(f_decref_last, , Py_SET_REFCNT(op, 1); HIDE(op); Py_DecRef(op))
BODY(f_dealloc, set_count(op, 0), _Py_Dealloc(op))
BODY(f_init, , USE(PyObject_Init(op, &plain_type)))
BODY(f_init_var, , USE(PyObject_InitVar((PyVarObject *)op, &plain_type, 0)))
BODY(f_finalizer, , PyObject_CallFinalizer(op))
#if PY_VERSION_HEX >= 0x03090000
BODY(f_new_reference, , _Py_NewReference(op))
#endif
#if PY_VERSION_HEX >= 0x03090000 && PY_VERSION_HEX < 0x030D0000
int _PyTrash_begin();
void _PyTrash_end();
#ifdef AGAINST_PYTHON_H
#define THREAD PyThreadState_Get()
#else
#define THREAD NULL
#endif
BODY(f_trash, void *thread = THREAD, USE(_PyTrash_begin(thread, op)); _PyTrash_end(thread))
#endif
#if PY_VERSION_HEX >= 0x030A0000
BODY(f_incref_nonnull, , _Py_IncRef(op))
BODY(f_decref_nonnull, MANY, _Py_DecRef(op))
BODY(f_new_ref, , USE((Py_NewRef)(op)))
BODY(f_xnew_ref, , USE((Py_XNewRef)(op)))
BODY(f_is, , USE((long)(Py_Is)(op, old)))
#endif
#if PY_VERSION_HEX >= 0x030C0000
BODY(f_no_total, , _Py_NewReferenceNoTotal(op))
#endif
#if PY_VERSION_HEX >= 0x030D0000
void _Py_SetRefcnt(PyObject *op, Py_ssize_t refcnt);
BODY(f_set_refcnt, , _Py_SetRefcnt(op, 5))
BODY(f_get_tracer, void *data, USE(PyRefTracer_GetTracer(&data)))
#endif

/* ---- Inline functions: instructions ---- */

BODY(i_incref, , Py_INCREF(op))
BODY(i_xincref, , Py_XINCREF(op))
BODY(i_decref, MANY, Py_DECREF(op))
BODY(i_xdecref, MANY, Py_XDECREF(op))
BODY(i_clear, MANY, place = op; HIDE(op); Py_CLEAR(place))
BODY(i_setref, MANY; place = old, Py_SETREF(place, op))
BODY(i_xsetref, MANY; place = old, Py_XSETREF(place, op))
BODY(i_new_ref, , USE(Py_NewRef(op)))
BODY(i_xnew_ref, , USE(Py_XNewRef(op)))
BODY(i_refcnt, , USE(Py_REFCNT(op)))
BODY(i_set_refcnt, , Py_SET_REFCNT(op, 5))
BODY(i_type, , USE(Py_TYPE(op)))
BODY(i_set_type, , Py_SET_TYPE(op, &plain_type))
BODY(i_is_type, , USE((long)Py_IS_TYPE(op, &link_type)))
BODY(i_size, , USE(Py_SIZE(op)))
BODY(i_set_size, , Py_SET_SIZE((PyVarObject *)op, 5))

/* ---- What the drivers see ---- */

/* The kinds are t (timed and instructions), f (an exported function, instructions) and i (an inline one).
 * A turn works on so many objects. */
typedef struct {
    const char *name;
    void (*run)(long turns);
    long objects;
    char kind;
} Body;

const Body bench_bodies[] = {
    {"empty loop", empty, 1, 't'},
    {"exported IncRef/DecRef pair", exported_pair, 1, 't'},
    {"inline INCREF/DECREF pair", inline_pair, 1, 't'},
    {"birth and death", birth_and_death, 1, 't'},
    {"birth and death, 4096 objects in turn", birth_and_death_ring, 1, 't'},
    {"nested death, of 1000 per object", nested_death, CHAIN, 't'},
    {"tracing off: Track/Untrack pair", tracing_off, 1, 't'},
    {"Py_IncRef", f_incref, 1, 'f'},
    {"Py_DecRef", f_decref, 1, 'f'},
    {"Py_DecRef of the last reference", f_decref_last, 1, 'f'},
    {"_Py_Dealloc", f_dealloc, 1, 'f'},
    {"PyObject_Init", f_init, 1, 'f'},
    {"PyObject_InitVar", f_init_var, 1, 'f'},
    {"PyObject_CallFinalizer", f_finalizer, 1, 'f'},
#if PY_VERSION_HEX >= 0x03090000
    {"_Py_NewReference", f_new_reference, 1, 'f'},
#endif
#if PY_VERSION_HEX >= 0x03090000 && PY_VERSION_HEX < 0x030D0000
    {"_PyTrash_begin and _PyTrash_end", f_trash, 1, 'f'},
#endif
#if PY_VERSION_HEX >= 0x030A0000
    {"_Py_IncRef", f_incref_nonnull, 1, 'f'},
    {"_Py_DecRef", f_decref_nonnull, 1, 'f'},
    {"Py_NewRef", f_new_ref, 1, 'f'},
    {"Py_XNewRef", f_xnew_ref, 1, 'f'},
    {"Py_Is", f_is, 1, 'f'},
#endif
#if PY_VERSION_HEX >= 0x030C0000
    {"_Py_NewReferenceNoTotal", f_no_total, 1, 'f'},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {"_Py_SetRefcnt", f_set_refcnt, 1, 'f'},
    {"PyRefTracer_GetTracer", f_get_tracer, 1, 'f'},
#endif
    {"Py_INCREF", i_incref, 1, 'i'},
    {"Py_XINCREF", i_xincref, 1, 'i'},
    {"Py_DECREF", i_decref, 1, 'i'},
    {"Py_XDECREF", i_xdecref, 1, 'i'},
    {"Py_CLEAR", i_clear, 1, 'i'},
    {"Py_SETREF", i_setref, 1, 'i'},
    {"Py_XSETREF", i_xsetref, 1, 'i'},
    {"Py_NewRef, inline", i_new_ref, 1, 'i'},
    {"Py_XNewRef, inline", i_xnew_ref, 1, 'i'},
    {"Py_REFCNT", i_refcnt, 1, 'i'},
    {"Py_SET_REFCNT", i_set_refcnt, 1, 'i'},
    {"Py_TYPE", i_type, 1, 'i'},
    {"Py_SET_TYPE", i_set_type, 1, 'i'},
    {"Py_IS_TYPE", i_is_type, 1, 'i'},
    {"Py_SIZE", i_size, 1, 'i'},
    {"Py_SET_SIZE", i_set_size, 1, 'i'},
    {NULL, NULL, 0, 0},
};

/* Makes the library ready. */
void bench_start(void)
{
#ifdef AGAINST_PYTHON_H
    Py_InitializeEx(0);
#endif
}

/* An address inside the library that the loops call, which tells the drivers what they measure. */
const void *bench_library(void)
{
    return (const void *)Py_IncRef;
}
