/* Shared by the bench_*.c files: the objects of the loops, and the macros that define a loop. inline_bodies.c uses only
 * the macros that older CPythons lack. The loops are compiled into one shared object, once against pyrefcore.h and
 * once, with -DAGAINST_PYTHON_H, against Python.h. Both have the same objects at the same alignment, and differ only in
 * header and library. See benches/run.sh.
 *
 * -DBENCH_HANDICAP=N adds N useless increments to each turn of each loop except the empty one. */

#ifndef BENCH_OBJECTS_H
#define BENCH_OBJECTS_H

#ifdef AGAINST_PYTHON_H
#include <Python.h>
/* Macros that older CPythons lack, written as code for these versions does. */
#if PY_VERSION_HEX < 0x03090000
#define Py_IS_TYPE(op, type) (Py_TYPE(op) == (type))
#define Py_SET_REFCNT(op, n) (Py_REFCNT(op) = (n))
#define Py_SET_SIZE(op, n) (Py_SIZE(op) = (n))
#define Py_SET_TYPE(op, type) (Py_TYPE(op) = (type))
#endif
#if PY_VERSION_HEX < 0x030A0000
#define Py_NewRef(op) (Py_INCREF(op), (op))
#define Py_XNewRef(op) (Py_XINCREF(op), (op))
#define Py_Is(x, y) ((x) == (y))
#endif
#else
#include <pyrefcore.h>
#endif
#include "bench_body.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef BENCH_HANDICAP
#define BENCH_HANDICAP 0
#endif

/* After it the compiler knows nothing about the object, and memory may have changed. */
#define HIDE(op) __asm__ volatile("" : "+r"(op) : : "memory")
#define USE(value) __asm__ volatile("" : : "r"(value) : "memory")

#define CHAIN 1000
#define RING 4096

typedef struct node {
    PyVarObject ob_base;
    struct node *next;
} Node;

/* Every object has a collector's head in front, even if its type does not use it. An object is as large as one or two
 * cache lines. */
typedef struct {
    uintptr_t gc[2];
    Node node;
    int born;
} __attribute__((aligned(64))) Slot;

/* A type, and room for the fields of a heap type behind it. */
typedef struct {
    PyTypeObject type;
    char more[1024];
} HeapType;

extern PyTypeObject plain_type, container_type, link_type, finalized_type, finalized_container_type;
extern HeapType heap_type;
extern Slot plain, other, chain[CHAIN], ring[RING];
extern PyObject *place;
extern volatile unsigned spare;

PyObject *object_of(Slot *slot, PyTypeObject *type);
PyObject *immortal_of(Slot *slot);
PyObject *foreign_of(Slot *slot);
void end_of(PyObject *op);
void set_count(PyObject *op, Py_ssize_t count);

/* A loop with the objects `op` and `old`; `setup` may change them before the loop. */
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

/* An .inc file is included twice: to define the loops as functions, and to fill the table of rows. The line number of a
 * loop makes its function's name unique. */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define LOOP_NAME JOIN(loop_, __LINE__)
#if PY_VERSION_HEX >= 0x030C0000
#define LOOP_3_12 LOOP
#else
#define LOOP_3_12(...)
#endif
#ifdef Py_GIL_DISABLED
#define LOOP_T LOOP
#else
#define LOOP_T(...)
#endif

/* More references than a loop releases. */
#define MANY set_count(op, 1 << 24); set_count(old, 1 << 24)
#define NO_OBJECT op = NULL

/* A debug flavour of ours knows which objects are dead, and a list of all objects knows its members. So there, on both
 * sides, each measured death follows a birth, and each measured birth precedes a death. */
#if defined(Py_REF_DEBUG) || defined(Py_TRACE_REFS)
#define START_DEAD end_of(op)
#define BEAR(op) (_Py_NewReference(op), Py_SET_REFCNT(op, 0))
#define WITH_BIRTH ", with the birth"
#define BURY(op) Py_DecRef(op)
#define WITH_DEATH ", with the death"
#else
#define START_DEAD (void)0
#define BEAR(op) (void)0
#define WITH_BIRTH
#define BURY(op) (void)0
#define WITH_DEATH
#endif

#define IMMORTAL op = immortal_of(&plain)
#define FOREIGN op = foreign_of(&plain)

extern const Body bench_bodies[], bench_functions[], bench_inlines[];

#endif
