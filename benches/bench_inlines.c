/* The loops that count the instructions of inline functions and macros, on each important path. */

#include "bench_objects.h"

static int visited(PyObject *op, void *arg)
{
    (void)op, (void)arg;
    return 0;
}

__attribute__((noinline)) static int traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(op);
    return 0;
}

static void end_container(PyObject *op)
{
    Py_TRASHCAN_BEGIN(op, end_container)
    USE(op);
    Py_TRASHCAN_END
}

static PyTypeObject trash_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "bench.trash",
    .tp_basicsize = sizeof(Node),
    .tp_dealloc = end_container,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
};

#define LOOP(function, rest, setup, turn) BODY(LOOP_NAME, setup, turn)
#include "bench_inlines.inc"
#undef LOOP

#define LOOP(function, rest, setup, turn) {#function rest, LOOP_NAME, 1, 'i', NULL},
const Body bench_inlines[] = {
#include "bench_inlines.inc"
    {NULL, NULL, 0, 0, NULL},
};
