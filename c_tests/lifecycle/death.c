/* A death: the order in which the list, the watchers and tp_dealloc learn of it, and what code that runs then sees. */
#include "testing.h"
#include "things.h"

/* Whether the list of all objects holds `op`. */
#ifdef Py_TRACE_REFS
static int is_listed(PyObject *op)
{
    char *text, wanted[32];
    size_t size;
    FILE *stream = open_memstream(&text, &size);
#if PY_VERSION_HEX >= 0x030C0000
    _Py_PrintReferenceAddresses(NULL, stream);
#else
    _Py_PrintReferenceAddresses(stream);
#endif
    fclose(stream);
    snprintf(wanted, sizeof wanted, "\n%p [", (void *)op);
    int found = strstr(text, wanted) != NULL;
    free(text);
    return found;
}
#define LISTED(op) is_listed(op)
#else
#define LISTED(op) ((void)(op), 0)
#endif

static int find(PyObject *op, void *wanted) { return *(PyObject **)wanted == op ? *(PyObject **)wanted = NULL, 1 : 0; }
static int is_live(PyObject *op)
{
    pyrefcore_live_visit(0, find, &op);
    return op == NULL;
}

static char heard[8];

static void witness_dealloc(PyObject *op)
{
    strcat(heard, "d");
    CHECK(!LISTED(op) && !is_live(op));
    EQUAL(Py_REFCNT(op), 0);
    PyObject_Free(op);
}
static PyTypeObject Witness_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Witness",
    .tp_basicsize = sizeof(PyObject), .tp_dealloc = witness_dealloc,
};

#if PY_VERSION_HEX >= 0x030D0000
static int tracer(PyObject *op, PyRefTracerEvent event, void *data)
{
    if (event == PyRefTracer_CREATE) {
        strcat(heard, "c");
        EQUAL(Py_REFCNT(op), 1);
        return 0;
    }
    if (event != PyRefTracer_DESTROY) {
        return 0; /* 3.15 also reports the end of the tracing, without an object. */
    }
    strcat(heard, "t");
    CHECK(!LISTED(op) && Py_TYPE(op) == &Witness_Type);
    EQUAL(Py_REFCNT(op), 0);
    if (data != NULL) {
        /* The library has read tp_dealloc already, so a new type has no effect. */
        op->ob_type = data;
    }
    return -1;
}
#endif

static void order(void)
{
    pyrefcore_watch(PYREFCORE_LIVE);
    heard[0] = 0;
#if PY_VERSION_HEX >= 0x030D0000
    PyRefTracer_SetTracer(tracer, NULL);
#endif
    PyObject *op = PyObject_New(PyObject, &Witness_Type);
    CHECK(is_live(op));
#ifdef Py_TRACE_REFS
    CHECK(LISTED(op));
#endif
    Py_INCREF(op);
    Py_DECREF(op);
    CHECK(is_live(op));
    Py_DECREF(op);
    CHECK(strcmp(heard, PY_VERSION_HEX >= 0x030D0000 ? "ctd" : "d") == 0);
    pyrefcore_unwatch(PYREFCORE_LIVE);
}

#if PY_VERSION_HEX >= 0x030D0000
static void the_first_tp_dealloc_counts(void)
{
    PyTypeObject other = Thing_Type;
    things_ended = heard[0] = 0;
    PyRefTracer_SetTracer(tracer, &other);
    Py_DECREF(PyObject_New(PyObject, &Witness_Type));
    PyRefTracer_SetTracer(NULL, NULL);
    CHECK(strcmp(heard, "ctd") == 0 && things_ended == 0);
}
#endif

static void dealloc_itself(void)
{
    Thing *thing = new_thing(1);
    things_ended = 0;
    NOTE_TOTAL();
    Py_SET_REFCNT(thing, 0);
    _Py_Dealloc((PyObject *)thing);
    EQUAL(things_ended, 1);
    GAINED(0);
}

int main(void)
{
    RUN(order);
#if PY_VERSION_HEX >= 0x030D0000
    RUN(the_first_tp_dealloc_counts);
#endif
    RUN(dealloc_itself);
    return summary();
}
