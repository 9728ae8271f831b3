/* The objects of the loops, and their types. */

#include "bench_objects.h"

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

#define TYPE(called, dealloc, flags, ...) \
    { \
        PyVarObject_HEAD_INIT(NULL, 0) \
        .tp_name = called, \
        .tp_basicsize = sizeof(Node), \
        .tp_dealloc = dealloc, \
        .tp_flags = Py_TPFLAGS_DEFAULT | flags, \
        __VA_ARGS__ \
    }

PyTypeObject plain_type = TYPE("bench.plain", nothing, 0, );
PyTypeObject container_type = TYPE("bench.container", nothing, Py_TPFLAGS_HAVE_GC, .tp_traverse = visit_nothing);
PyTypeObject link_type = TYPE("bench.link", end_chain, Py_TPFLAGS_HAVE_GC, .tp_traverse = visit_nothing);
PyTypeObject finalized_type = TYPE("bench.finalized", nothing, 0, .tp_finalize = nothing);
PyTypeObject finalized_container_type = TYPE("bench.finalized_container", nothing, Py_TPFLAGS_HAVE_GC,
    .tp_traverse = visit_nothing, .tp_finalize = nothing);
HeapType heap_type = {.type = TYPE("bench.heap", nothing, Py_TPFLAGS_HEAPTYPE, )};

Slot plain, other, chain[CHAIN], ring[RING];
PyObject *place;
volatile unsigned spare;

/* These functions are in a separate file, so that the code of a birth does not change the code of the loops. */
PyObject *object_of(Slot *slot, PyTypeObject *type)
{
    PyObject *op = (PyObject *)&slot->node;
#ifdef Py_TRACE_REFS
    /* The object may already be in the list of all objects. */
    if (slot->born) {
        end_of(op);
    }
    slot->born = 1;
#endif
    Py_SET_TYPE(op, type);
    _Py_NewReference(op);
    slot->gc[0] = slot->gc[1] = 0;
    return op;
}

PyObject *immortal_of(Slot *slot)
{
    PyObject *op = object_of(slot, &plain_type);
#ifdef Py_GIL_DISABLED
    op->ob_tid = 0;
    op->ob_ref_local = UINT32_MAX;
    op->ob_ref_shared = 0;
#elif PY_VERSION_HEX >= 0x030E0000
    uint64_t image = 1ULL << 48 | 3ULL << 30;
    memcpy(op, &image, sizeof image);
#elif PY_VERSION_HEX >= 0x030C0000
    op->ob_refcnt = 0xFFFFFFFF;
#endif
    return op;
}

/* Free-threaded: a merged object. It has no owner, and all its references are shared. */
PyObject *foreign_of(Slot *slot)
{
    PyObject *op = object_of(slot, &plain_type);
#ifdef Py_GIL_DISABLED
    op->ob_tid = 0;
    op->ob_ref_local = 0;
    op->ob_ref_shared = 1 << 24 | 3;
#endif
    return op;
}

/* Ends the object, before a loop in which it is born again. */
void end_of(PyObject *op)
{
    Slot *slot = (Slot *)((char *)op - offsetof(Slot, node));
    slot->born = 0;
    Py_SET_TYPE(op, &plain_type);
#if PY_VERSION_HEX >= 0x030C0000 && !defined(Py_GIL_DISABLED)
    /* Py_SET_REFCNT would not change an immortal object. */
    uint64_t one = 1;
    memcpy(&op->ob_refcnt, &one, sizeof one);
#else
    Py_SET_REFCNT(op, 1);
#endif
    Py_DecRef(op);
}

void set_count(PyObject *op, Py_ssize_t count)
{
    Py_SET_REFCNT(op, count);
}

/* Starts CPython if the loops use it, and makes the heap type. */
void bench_start(void)
{
#ifdef AGAINST_PYTHON_H
    Py_InitializeEx(0);
#endif
    Py_SET_TYPE((PyObject *)&heap_type, &plain_type);
    _Py_NewReference((PyObject *)&heap_type);
    Py_SET_REFCNT((PyObject *)&heap_type, 1 << 20);
}

/* An address in the library that the loops call. The drivers use it to check which library they measure. */
const void *bench_library(void)
{
    return (const void *)Py_IncRef;
}
