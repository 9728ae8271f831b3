/* tracemalloc and memory that is handed out again: the stack is renewed, the size stays. */
#include "traced.h"

/* Memory that is handed out again without the allocator, as free lists do it: the new birth replaces the
 * stack and keeps the size; a block that is unknown stays so. */
static void parked(PyObject *op) { (void)op; }
static PyTypeObject Parked_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Parked", .tp_basicsize = 64, .tp_dealloc = parked,
};
static HERE void bear(PyObject *op) { _Py_NewReference(op); }
static void rebirth(void)
{
    PyObject *unknown = PyObject_New(PyObject, &Parked_Type);
    pyrefcore_trace_start(10);
    PyObject *op = PyObject_New(PyObject, &Parked_Type);
    CHECK(stack_of(0, op) > 0 && born_in("rebirth "));
    Py_DECREF(op);
    EQUAL(current(), 64);
    bear(op);
    CHECK(stack_of(0, op) > 0 && born_in("bear rebirth "));
    CHECK(current() == 64 && peak() == 64);
    Py_DECREF(unknown);
    bear(unknown);
    CHECK(stack_of(0, unknown) == -1 && current() == 64);
#if PY_VERSION_HEX < 0x030D0000
    EQUAL(_PyTraceMalloc_NewReference(op), 0);
    EQUAL(_PyTraceMalloc_NewReference(unknown), -1);
    CHECK(stack_of(0, op) > 0 && born_in("rebirth "));
#endif
    Py_DECREF(op);
    Py_DECREF(unknown);
    PyObject_Free(op);
    PyObject_Free(unknown);
    EQUAL(current(), 0);
    pyrefcore_trace_stop();
}

int main(void)
{
    RUN(rebirth);
    return summary();
}
