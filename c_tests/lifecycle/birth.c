/* The first reference: what each way to make an object writes, and what it adds to the total. */
#include "testing.h"
#include "things.h"

static void fill(PyObject *op, int byte)
{
    memset(op, 0, sizeof(Thing));
#ifdef Py_GIL_DISABLED
    memset(op, byte, offsetof(PyObject, ob_type));
#else
    memset((char *)op + offsetof(PyObject, ob_refcnt), byte, 8);
#endif
    op->ob_type = &Thing_Type;
}

/* Old bits of a freed immortal must not make the next object immortal, so a birth writes the whole word. */
static void new_reference(void)
{
    for (int byte = 0; byte < 256; byte += 51) {
        PyObject *op = PyObject_Malloc(sizeof(Thing));
        fill(op, byte);
        NOTE_TOTAL();
        _Py_NewReference(op);
        CHECK(is_one(op));
#ifdef Py_GIL_DISABLED
        CHECK(op->ob_gc_bits == 0 && op->ob_mutex._bits == 0);
#endif
        GAINED(1);
        Py_DECREF(op);
        GAINED(0);
    }
}

#if PY_VERSION_HEX >= 0x030C0000
static void no_total(void)
{
    PyObject *op = PyObject_Malloc(sizeof(Thing));
    fill(op, 0xFF);
    NOTE_TOTAL();
    _Py_NewReferenceNoTotal(op);
    CHECK(is_one(op));
    GAINED(0);
    Py_DECREF(op);
    GAINED(-1);
}
#endif

#if PY_VERSION_HEX >= 0x030D0000
static void resurrect_reference(void)
{
    Thing *thing = new_thing(1);
    Py_INCREF(thing);
    NOTE_TOTAL();
    _Py_ResurrectReference((PyObject *)thing);
    EQUAL(Py_REFCNT(thing), 2);
    GAINED(0);
    Py_DECREF(thing);
    Py_DECREF(thing);
}
#endif

static void init(void)
{
    PyObject *op = PyObject_Malloc(sizeof(Thing));
    CHECK(PyObject_Init(op, &Thing_Type) == op && Py_TYPE(op) == &Thing_Type && is_one(op));
    Py_DECREF(op);
    Thing *again = PyObject_Malloc(sizeof(Thing));
    CHECK(PyObject_INIT(again, &Thing_Type) == (PyObject *)again && is_one((PyObject *)again));
    Py_DECREF(again);
    CHECK(PyObject_Init(NULL, &Thing_Type) == NULL && PyObject_InitVar(NULL, &Thing_Type, 3) == NULL);
}

int main(void)
{
    RUN(new_reference);
#if PY_VERSION_HEX >= 0x030C0000
    RUN(no_total);
#endif
#if PY_VERSION_HEX >= 0x030D0000
    RUN(resurrect_reference);
#endif
    RUN(init);
    return summary();
}
