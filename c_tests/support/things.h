/* The types that the programs share. A Thing is no container; a Box is a container that may hold one object. */
#ifndef THINGS_H
#define THINGS_H

#include <pyrefcore.h>

#if defined(Py_REF_DEBUG) || defined(Py_TRACE_REFS)
#define IS_DEBUG 1
#else
#define IS_DEBUG 0
#endif

/* The number of bytes in front of the object in a container's memory. */
#ifdef Py_GIL_DISABLED
#define IN_FRONT 0
#else
#define IN_FRONT sizeof(PyGC_Head)
#endif

/* Whether every bit of the count is that of a new object. */
static inline int is_one(PyObject *op)
{
#ifdef Py_GIL_DISABLED
    return op->ob_tid == _Py_ThreadId() && op->ob_ref_local == 1 && op->ob_ref_shared == 0;
#else
    uint64_t word;
    memcpy(&word, (char *)op + offsetof(PyObject, ob_refcnt), sizeof word);
    return word == 1;
#endif
}

/* Whether the collector's bit says that a container's finalizer has run. */
static inline int is_finalized(PyObject *op)
{
#ifdef Py_GIL_DISABLED
    return (op->ob_gc_bits & 2) != 0;
#else
    return (((PyGC_Head *)op - 1)->_gc_prev & 1) != 0;
#endif
}
static inline void set_finalized(PyObject *op)
{
#ifdef Py_GIL_DISABLED
    op->ob_gc_bits |= 2;
#else
    ((PyGC_Head *)op - 1)->_gc_prev |= 1;
#endif
}

typedef struct {
    PyObject_HEAD
    int number;
} Thing;

typedef struct {
    PyObject_HEAD
    PyObject *held;
} Box;

static _Atomic int things_ended, boxes_ended;

static inline void Thing_dealloc(PyObject *op)
{
    things_ended++;
    PyObject_Free(op);
}
static PyTypeObject Thing_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "Thing",
    .tp_basicsize = sizeof(Thing),
    .tp_dealloc = Thing_dealloc,
    .tp_free = PyObject_Free,
};

static inline int Box_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(((Box *)op)->held);
    return 0;
}
static inline void Box_dealloc(PyObject *op)
{
    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, Box_dealloc)
    boxes_ended++;
    Py_CLEAR(((Box *)op)->held);
    PyObject_GC_Del(op);
    Py_TRASHCAN_END
}
static PyTypeObject Box_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "Box",
    .tp_basicsize = sizeof(Box),
    .tp_flags = Py_TPFLAGS_HAVE_GC,
    .tp_traverse = Box_traverse,
    .tp_dealloc = Box_dealloc,
    .tp_free = PyObject_GC_Del,
};

static inline Thing *new_thing(int number)
{
    Thing *thing = PyObject_New(Thing, &Thing_Type);
    assert(thing != NULL);
    thing->number = number;
    return thing;
}

/* Steals the caller's reference to `held`. */
static inline Box *new_box(PyObject *held)
{
    Box *box = PyObject_GC_New(Box, &Box_Type);
    assert(box != NULL);
    box->held = held;
    PyObject_GC_Track(box);
    return box;
}

/* When a finalizer resurrects its object, a free-threaded CPython subtracts one reference too many from the total. */
#ifdef Py_GIL_DISABLED
#define RESURRECTION_TAX 1
#else
#define RESURRECTION_TAX 0
#endif

/* The total of all references (Py_REF_DEBUG), by its name in each version, and its gain since NOTE_TOTAL. */
#ifdef Py_REF_DEBUG
#if PY_VERSION_HEX >= 0x030C0000
#define TOTAL() _Py_GetGlobalRefTotal()
#else
#define TOTAL() _Py_GetRefTotal()
#endif
#define NOTE_TOTAL() (testing.total = TOTAL())
#define GAINED(n) EQUAL(TOTAL() - testing.total, n)
#else
#define NOTE_TOTAL() (void)0
#define GAINED(n) (void)(n)
#endif

#endif
