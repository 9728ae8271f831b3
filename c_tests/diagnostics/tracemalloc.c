/* The library's own tracemalloc: which blocks it traces, their sizes and their allocation stacks; and reused memory. */
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

/* The functions on the stack where a block was allocated, innermost first. */
static char functions[1000];
static unsigned int first_line;
static int hear_frame(const pyrefcore_frame *frame, void *arg)
{
    CHECK(frame->address != 0 && frame->library != NULL && frame->offset != 0);
    if (*functions == 0) {
        first_line = frame->line;
        CHECK(frame->file != NULL && strstr(frame->file, strrchr(__FILE__, '/') + 1) != NULL);
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

static void off(void)
{
    CHECK(!pyrefcore_is_tracing());
    EQUAL(PyTraceMalloc_Track(3, 0x1000, 10), -2);
    EQUAL(PyTraceMalloc_Untrack(3, 0x1000), -2);
    void *block = PyObject_Malloc(100);
    CHECK(stack_of(0, block) == -1 && current() == 0 && peak() == 0);
    PyObject_Free(block);
#if PY_VERSION_HEX < 0x030D0000
    Thing *thing = new_thing(1);
    EQUAL(_PyTraceMalloc_NewReference((PyObject *)thing), -1);
    Py_DECREF(thing);
#endif
    pyrefcore_traced_memory(NULL, NULL);
}

static void sizes(void)
{
    EQUAL(pyrefcore_trace_start(10), 0);
    CHECK(pyrefcore_is_tracing() && current() == 0 && peak() == 0);
    EQUAL(PyTraceMalloc_Track(3, 0x1000, 100), 0);
    EQUAL(PyTraceMalloc_Track(4, 0x1000, 50), 0);
    CHECK(current() == 150 && peak() == 150);
    EQUAL(PyTraceMalloc_Track(3, 0x1000, 20), 0);
    EQUAL(current(), 70);
    EQUAL(PyTraceMalloc_Untrack(4, 0x1000), 0);
    EQUAL(PyTraceMalloc_Untrack(4, 0x1000), 0);
    EQUAL(PyTraceMalloc_Untrack(5, 0x9999), 0);
    CHECK(current() == 20 && peak() == 150);
    CHECK(stack_of(3, (void *)0x1000) > 0 && stack_of(4, (void *)0x1000) == -1);
    EQUAL(PyTraceMalloc_Untrack(3, 0x1000), 0);
    EQUAL(current(), 0);
    pyrefcore_trace_stop();
    CHECK(!pyrefcore_is_tracing() && current() == 0 && peak() == 0);
}

static HERE void *allocate(void) { return PyObject_Malloc(100); }
static HERE void track_block(void) { PyTraceMalloc_Track(7, 0x7000, 1); }
static HERE Thing *make_thing(void) { return PyObject_New(Thing, &Thing_Type); }
enum { LINE_OF_BOX = __LINE__ + 1 };
static HERE Box *make_box(void) { return PyObject_GC_New(Box, &Box_Type); }

/* A stack begins with the function that called the library, with its name and line. */
static void stacks(void)
{
    pyrefcore_trace_start(10);
    void *block = allocate();
    Thing *thing = make_thing();
    Box *box = make_box();
    track_block();
    CHECK(stack_of(0, block) >= 2 && born_in("allocate stacks "));
    CHECK(stack_of(0, thing) >= 2 && born_in("make_thing stacks "));
    CHECK(stack_of(7, (void *)0x7000) >= 2 && born_in("track_block stacks "));
    CHECK(stack_of(0, (char *)box - IN_FRONT) >= 2 && born_in("make_box stacks "));
    EQUAL(first_line, LINE_OF_BOX);
    EQUAL(current(), 100 + 1 + sizeof(Thing) + IN_FRONT + sizeof(Box));
    Py_DECREF(box);
    Py_DECREF(thing);
    PyObject_Free(block);
    EQUAL(current(), 1);
    pyrefcore_trace_stop();
}

static void number_of_frames(void)
{
    pyrefcore_trace_start(1);
    void *block = allocate();
    CHECK(stack_of(0, block) == 1 && born_in("allocate "));
    PyObject_Free(block);
    pyrefcore_trace_start(2);
    block = allocate();
    CHECK(stack_of(0, block) == 2 && born_in("allocate number_of_frames "));
    PyObject_Free(block);
    pyrefcore_trace_stop();
}

/* Memory that is reused without the allocator, as free lists do: the new birth replaces the stack and keeps the
 * size. An untraced block stays untraced. */
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

#if PY_VERSION_HEX < 0x030C0000
/* A birth tests this variable. A birth that is inlined into a program tests it too. */
static void config(void)
{
    EQUAL(_Py_tracemalloc_config.tracing, 0);
    pyrefcore_trace_start(5);
    EQUAL(_Py_tracemalloc_config.tracing, 1);
    EQUAL(_Py_tracemalloc_config.max_nframe, 5);
    pyrefcore_trace_stop();
    EQUAL(_Py_tracemalloc_config.tracing, 0);
}
#endif

int main(void)
{
    RUN(off);
    RUN(sizes);
    RUN(stacks);
    RUN(number_of_frames);
    RUN(rebirth);
#if PY_VERSION_HEX < 0x030C0000
    RUN(config);
#endif
    return summary();
}
