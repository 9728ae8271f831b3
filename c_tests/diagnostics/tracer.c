/* The reference tracer of 3.13 and later: which events it gets, in which order, with and without our own watchers. */
#include "testing.h"
#include "things.h"

#if PY_VERSION_HEX >= 0x030D0000
static char heard[200];

static int hear_all(PyObject *op, PyRefTracerEvent event, void *data)
{
    CHECK(data == heard && (op != NULL) == (event == PyRefTracer_CREATE || event == PyRefTracer_DESTROY));
    if (op != NULL) {
        EQUAL(Py_REFCNT(op), event == PyRefTracer_CREATE);
        CHECK(Py_TYPE(op) == &Thing_Type || Py_TYPE(op) == &Box_Type);
    }
    strcat(heard, event == PyRefTracer_CREATE ? "c" : event == PyRefTracer_DESTROY ? "d" : "r");
    return -1;
}
static int hear_other(PyObject *op, PyRefTracerEvent event, void *data)
{
    (void)op;
    CHECK(data == NULL);
    strcat(heard, (int)event == 2 ? "R" : "x");
    return 0;
}
static void heard_is(const char *expected)
{
    if (!CHECK(strcmp(heard, expected) == 0)) {
        printf("    it heard %s, not %s\n", heard, expected);
    }
    heard[0] = 0;
}

static void set_and_get(void)
{
    void *data = &data;
    CHECK(PyRefTracer_GetTracer(&data) == NULL && data == NULL && PyRefTracer_GetTracer(NULL) == NULL);
    EQUAL(PyRefTracer_SetTracer(hear_all, heard), 0);
    CHECK(PyRefTracer_GetTracer(&data) == hear_all && data == heard && PyRefTracer_GetTracer(NULL) == hear_all);
    EQUAL(PyRefTracer_SetTracer(NULL, NULL), 0);
    CHECK(PyRefTracer_GetTracer(&data) == NULL && data == NULL);
    heard[0] = 0;
}

/* From 3.15 on a replaced tracer gets an event. */
static void removed(void)
{
    PyRefTracer_SetTracer(hear_all, heard);
    heard_is("");
    PyRefTracer_SetTracer(hear_other, NULL);
    heard_is(PY_VERSION_HEX >= 0x030F0000 ? "r" : "");
    PyRefTracer_SetTracer(NULL, NULL);
    heard_is(PY_VERSION_HEX >= 0x030F0000 ? "R" : "");
    PyRefTracer_SetTracer(NULL, NULL);
    heard_is("");
}

static void events(void)
{
    PyObject *before = (PyObject *)new_thing(0);
    PyRefTracer_SetTracer(hear_all, heard);
    Box *box = new_box((PyObject *)new_thing(1));
    heard_is("cc");
    Py_INCREF(box);
    Py_DECREF(box);
    heard_is("");
    /* The held object dies during the death of its box. */
    Py_DECREF(box);
    heard_is("dd");
    Py_DECREF(before);
    heard_is("d");
    PyObject *op = (PyObject *)new_thing(2);
    heard_is("c");
    _Py_ResurrectReference(op);
    heard_is("");
#ifdef Py_TRACE_REFS
    _Py_ForgetReference(op);
#endif
    _Py_NewReferenceNoTotal(op);
    heard_is("c");
    PyRefTracer_SetTracer(NULL, NULL);
    heard[0] = 0;
    Py_DECREF(op);
    heard_is("");
}

/* The watchers and the tracer get the same events, in any order of their arrival and removal. */
static void beside_the_watchers(void)
{
    const unsigned int watchers[] = { PYREFCORE_LIVE, PYREFCORE_COUNT | PYREFCORE_LIVE, PYREFCORE_TRACE };
    void *data;
    for (int i = 0; i < 3; i++) {
        uint64_t mark = pyrefcore_mark();
        if (i == 1) {
            PyRefTracer_SetTracer(hear_all, heard);
            pyrefcore_watch(watchers[i]);
        }
        else {
            pyrefcore_watch(watchers[i]);
            PyRefTracer_SetTracer(hear_all, heard);
        }
        CHECK(PyRefTracer_GetTracer(&data) == hear_all && data == heard);
        PyObject *kept = (PyObject *)new_thing(1);
        Py_DECREF(new_box(NULL));
        heard_is("ccd");
        EQUAL(pyrefcore_live_count(mark), i == 2 && !IS_DEBUG ? -1 : 1);
        CHECK((pyrefcore_birth_stack(kept, NULL, NULL) > 0) == (i == 2));
        pyrefcore_unwatch(watchers[i]);
        Py_DECREF(kept);
        heard_is("d");
        pyrefcore_watch(watchers[i]);
        PyRefTracer_SetTracer(NULL, NULL);
        heard[0] = 0;
        mark = pyrefcore_mark();
        kept = (PyObject *)new_thing(2);
        heard_is("");
        EQUAL(pyrefcore_live_count(mark), i == 2 && !IS_DEBUG ? -1 : 1);
        Py_DECREF(kept);
        pyrefcore_unwatch(watchers[i]);
    }
    EQUAL(pyrefcore_births(), 3);
    EQUAL(pyrefcore_deaths(), 2);
}

/* The tracer gets each link of a long chain once, before its death, even if the trashcan deferred the link. */
static int created, destroyed;
static int count(PyObject *op, PyRefTracerEvent event, void *data)
{
    (void)data;
    if (event == PyRefTracer_CREATE) {
        created++;
    }
    else if (event == PyRefTracer_DESTROY) {
        CHECK(boxes_ended <= destroyed++);
        CHECK(Py_TYPE(op) == &Box_Type && Py_REFCNT(op) == 0);
    }
    return 0;
}
static void long_chain(void)
{
    enum { LENGTH = 300 * 1000 };
    boxes_ended = 0;
    PyRefTracer_SetTracer(count, NULL);
    PyObject *chain = NULL;
    for (int i = 0; i < LENGTH; i++) {
        chain = (PyObject *)new_box(chain);
    }
    Py_CLEAR(chain);
    PyRefTracer_SetTracer(NULL, NULL);
    CHECK(created == LENGTH && boxes_ended == LENGTH);
    EQUAL(destroyed, LENGTH);
}
#endif

int main(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    RUN(set_and_get);
    RUN(removed);
    RUN(events);
    RUN(beside_the_watchers);
    RUN(long_chain);
#endif
    return summary();
}
