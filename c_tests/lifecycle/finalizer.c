/* Finalizers: one runs before the death and may resurrect its object. A container's finalizer runs only once. */
#include "testing.h"
#include "things.h"

static PyObject *rescued;
static int finalized, ended, rescue, answers;

static void finalize(PyObject *op)
{
    finalized++;
    EQUAL(Py_REFCNT(op), 1);
    if (rescue) {
        Py_INCREF(op);
        rescued = op;
    }
}
static void mortal_dealloc(PyObject *op)
{
    EQUAL(Py_REFCNT(op), 0);
    int answer = PyObject_CallFinalizerFromDealloc(op);
    answers = answers * 10 + (answer == 0 ? 1 : answer == -1 ? 2 : 9);
    if (answer == 0) {
        ended++;
        if (Py_TYPE(op)->tp_flags & Py_TPFLAGS_HAVE_GC) {
            PyObject_GC_Del(op);
        }
        else {
            PyObject_Free(op);
        }
    }
}
static PyTypeObject Plain_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Plain", .tp_basicsize = sizeof(Thing),
    .tp_dealloc = mortal_dealloc, .tp_finalize = finalize,
};
static PyTypeObject Container_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Container", .tp_basicsize = sizeof(Box),
    .tp_flags = Py_TPFLAGS_HAVE_GC, .tp_dealloc = mortal_dealloc, .tp_finalize = finalize,
};
static PyTypeObject Silent_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Silent", .tp_basicsize = sizeof(Thing), .tp_dealloc = mortal_dealloc,
};

static void start(int rescuing)
{
    NOTE_TOTAL();
    finalized = ended = answers = 0;
    rescue = rescuing;
}

static void dies(void)
{
    PyTypeObject *const types[] = { &Plain_Type, &Silent_Type, &Container_Type };
    for (int i = 0; i < 3; i++) {
        start(0);
        PyObject *op = i == 2 ? PyObject_GC_New(PyObject, types[i]) : PyObject_New(PyObject, types[i]);
        Py_DECREF(op);
        CHECK(finalized == (i != 1) && ended == 1 && answers == 1);
        GAINED(0);
    }
}

static void is_resurrected(PyTypeObject *type, int again)
{
    start(1);
    pyrefcore_watch(PYREFCORE_LIVE | PYREFCORE_COUNT);
    uint64_t mark = pyrefcore_mark(), births = pyrefcore_births(), deaths = pyrefcore_deaths();
    PyObject *op = again ? PyObject_New(PyObject, type) : PyObject_GC_New(PyObject, type);
    Py_DECREF(op);
    CHECK(rescued == op && finalized == 1 && ended == 0 && answers == 2);
    EQUAL(Py_REFCNT(op), 1);
    GAINED(1 - RESURRECTION_TAX);
    EQUAL(pyrefcore_live_count(mark), 1);
    /* A resurrection counts as a death and a second birth. */
    EQUAL(pyrefcore_births() - births, 2);
    EQUAL(pyrefcore_deaths() - deaths, 1);
    /* A resurrected object can be shared, and its last release ends it. */
    Py_INCREF(op);
    Py_DECREF(op);
    rescue = 0;
    Py_CLEAR(rescued);
    CHECK(finalized == 1 + again && ended == 1 && answers == 21);
    GAINED(-RESURRECTION_TAX);
    EQUAL(pyrefcore_live_count(mark), 0);
    EQUAL(pyrefcore_births() - births, 2);
    EQUAL(pyrefcore_deaths() - deaths, 2);
    pyrefcore_unwatch(PYREFCORE_LIVE | PYREFCORE_COUNT);
}
static void plain_is_resurrected(void) { is_resurrected(&Plain_Type, 1); }
static void container_is_resurrected(void) { is_resurrected(&Container_Type, 0); }

/* A container whose finalizer always resurrects is resurrected only once. */
static void container_has_one_chance(void)
{
    start(1);
    PyObject *op = PyObject_GC_New(PyObject, &Container_Type);
    Py_DECREF(op);
    CHECK(answers == 2 && is_finalized(op));
    Py_CLEAR(rescued);
    CHECK(finalized == 1 && ended == 1 && answers == 21);
    GAINED(-RESURRECTION_TAX);
}

static void plain_has_many(void)
{
    start(1);
    PyObject *op = PyObject_New(PyObject, &Plain_Type);
    Py_DECREF(op);
    Py_CLEAR(rescued);
    CHECK(rescued == op && finalized == 2 && ended == 0 && answers == 22);
    rescue = 0;
    Py_CLEAR(rescued);
    CHECK(finalized == 3 && ended == 1 && answers == 221);
    GAINED(-2 * RESURRECTION_TAX);
}

static void call_finalizer(void)
{
    start(0);
    PyObject *op = PyObject_GC_New(PyObject, &Container_Type), *plain = PyObject_New(PyObject, &Plain_Type);
    PyObject_CallFinalizer(op);
    PyObject_CallFinalizer(op);
    EQUAL(finalized, 1);
    PyObject_CallFinalizer(plain);
    PyObject_CallFinalizer(plain);
    EQUAL(finalized, 3);
    Py_DECREF(op);
    CHECK(finalized == 3 && ended == 1);
    Py_DECREF(plain);
    CHECK(finalized == 4 && ended == 2);
}

static void still_referenced(void)
{
    PyObject *op = PyObject_New(PyObject, &Plain_Type);
    (void)PyObject_CallFinalizerFromDealloc(op);
}

int main(void)
{
    RUN(dies);
    RUN(plain_is_resurrected);
    RUN(container_is_resurrected);
    RUN(container_has_one_chance);
    RUN(plain_has_many);
    RUN(call_finalizer);
    expect_death("still referenced", SIGABRT, still_referenced,
                 "PyObject_CallFinalizerFromDealloc called on object with a non-zero refcount", "Fatal Python error: ");
    return summary();
}
