/* tracemalloc and memory that is handed out again: the stack is renewed, the size stays. */
#include "testing.h"
#include "things.h"

#define HERE __attribute__((noinline))

static size_t current(void)
{
    size_t now = 77, peak = 77;
    pyrefcore_traced_memory(&now, &peak);
    CHECK(peak >= now);
    return now;
}
static size_t peak(void)
{
    size_t most = 77;
    pyrefcore_traced_memory(NULL, &most);
    return most;
}

/* Where a block was allocated: the functions, innermost first. */
static char functions[1000];
static int hear_frame(const pyrefcore_frame *frame, void *arg)
{
    CHECK(frame->address != 0 && frame->library != NULL && frame->offset != 0);
    if (*functions == 0) {
        CHECK(frame->file != NULL && strstr(frame->file, "rebirth.c") != NULL);
    }
    strcat(strcat(functions, frame->function ? frame->function : "?"), " ");
    return --*(int *)arg == 0;
}
static int stack_of(unsigned int domain, void *block)
{
    int most = 3;
    functions[0] = 0;
    return pyrefcore_block_stack(domain, (size_t)block, hear_frame, &most);
}
static int born_in(const char *function)
{
    return CHECK(strncmp(functions, function, strlen(function)) == 0) || (printf("    %s\n", functions), 0);
}

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
