/* The total of all references (Py_REF_DEBUG) is exact for every way to take and release one, on every thread. */
#include "testing.h"
#include "things.h"

#ifdef Py_REF_DEBUG
#include <pthread.h>

static void one_by_one(void)
{
    NOTE_TOTAL();
    Thing *thing = new_thing(1);
    PyObject *op = (PyObject *)thing, *variable = NULL;
    GAINED(1);
    Py_INCREF(thing);
    Py_IncRef(op);
    GAINED(3);
    CHECK(Py_NewRef(thing) == op && Py_XNewRef(op) == op && Py_XNewRef(variable) == NULL);
    GAINED(5);
    Py_DECREF(thing);
    Py_DecRef(op);
    Py_XDECREF(op);
    Py_XDECREF(variable);
    GAINED(2);
    Py_SET_REFCNT(thing, 9);
    GAINED(2);
    Py_SET_REFCNT(thing, 2);
    variable = op;
    Py_CLEAR(variable);
    GAINED(1);
    variable = op;
    Py_SETREF(variable, (PyObject *)new_thing(2));
    GAINED(1);
    Py_DECREF(variable);
    GAINED(0);
}

#if PY_VERSION_HEX >= 0x030C0000
static void by_hand(void)
{
    NOTE_TOTAL();
    _Py_INCREF_IncRefTotal();
    _Py_INCREF_IncRefTotal();
    GAINED(2);
    _Py_DECREF_DecRefTotal();
    GAINED(1);
#if PY_VERSION_HEX >= 0x030E0000
    _Py_IncRefTotal(NULL);
    _Py_IncRefTotal(NULL);
    GAINED(3);
    _Py_DecRefTotal(NULL);
    _Py_DecRefTotal(NULL);
#endif
    _Py_DECREF_DecRefTotal();
    GAINED(0);
}

/* Extensions built with older headers write to _Py_RefTotal, which belongs to no interpreter. */
static void legacy(void)
{
    NOTE_TOTAL();
    Py_ssize_t interpreters = _PyInterpreterState_GetRefTotal(NULL);
    EQUAL(_Py_GetLegacyRefTotal(), 0);
    _Py_RefTotal += 5;
    EQUAL(_Py_GetLegacyRefTotal(), 5);
    EQUAL(_PyInterpreterState_GetRefTotal(NULL), interpreters);
    GAINED(5);
    _Py_RefTotal -= 5;
    GAINED(0);
}
#else
static void one_variable(void)
{
    NOTE_TOTAL();
    EQUAL(_Py_RefTotal, testing.total);
    _Py_RefTotal += 5;
    GAINED(5);
    PyObject *op = (PyObject *)new_thing(1);
    EQUAL(_Py_RefTotal, testing.total + 6);
    Py_DecRef(op);
    _Py_RefTotal -= 5;
    GAINED(0);
}
#endif

enum { THREADS = 8, OPERATIONS = 100 * 1000 };
static void *by_function(void *arg)
{
    PyObject *op = (PyObject *)(*(Thing **)arg = new_thing(1));
    for (int i = 0; i < OPERATIONS; i++) {
        i % 3 == 2 ? Py_DecRef(op) : Py_IncRef(op);
    }
    return NULL;
}
static void *inlined(void *arg)
{
    PyObject *op = (PyObject *)(*(Thing **)arg = new_thing(1));
    for (int i = 0; i < OPERATIONS; i++) {
        if (i % 3 == 2) {
            Py_DECREF(op);
        }
        else {
            Py_INCREF(op);
        }
    }
    return NULL;
}

/* The references of an ended thread stay in the total, and another thread may release them. */
static void threads(void)
{
    pthread_t ids[THREADS];
    Thing *things[THREADS];
    const int left = 1 + OPERATIONS - 2 * (OPERATIONS / 3);
    NOTE_TOTAL();
    for (int i = 0; i < THREADS; i++) {
        assert(pthread_create(&ids[i], NULL, i % 2 ? by_function : inlined, &things[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
        EQUAL(Py_REFCNT(things[i]), left);
    }
    GAINED(THREADS * left);
    for (int i = 0; i < THREADS; i++) {
        for (int j = 0; j < left; j++) {
            Py_DECREF(things[i]);
        }
    }
    GAINED(0);
}
#endif

int main(void)
{
#ifdef Py_REF_DEBUG
    RUN(one_by_one);
#if PY_VERSION_HEX >= 0x030C0000
    RUN(by_hand);
    RUN(legacy);
#else
    RUN(one_variable);
#endif
    RUN(threads);
#endif
    return summary();
}
