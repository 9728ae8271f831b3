/* A program of two translation units. Both include the header twice. This one owns the objects. */
#include "testing.h"
#include "things.h"
#include <pyrefcore.h>

typedef void (*counter)(PyObject *);
PyObject *other_unit_keeps(PyObject *op);
Py_ssize_t other_unit_counts(PyObject *op);
int other_unit_drops(void);
PyTypeObject *other_unit_type(void);
counter other_unit_incref(void);
#ifdef Py_REF_DEBUG
Py_ssize_t *other_unit_total(void);
#endif

static void objects_go_both_ways(void)
{
    PyObject *op = (PyObject *)new_thing(1);
    CHECK(other_unit_keeps(op) == op);
    EQUAL(Py_REFCNT(op), 2);
    EQUAL(other_unit_counts(op), 2);
    Py_DECREF(op);
    things_ended = 0;
    EQUAL(other_unit_drops(), 1);
    EQUAL(things_ended, 1);
    PyObject *theirs = PyObject_New(PyObject, other_unit_type());
    CHECK(strcmp(Py_TYPE(theirs)->tp_name, "Other") == 0 && Py_REFCNT(theirs) == 1);
    Py_DECREF(theirs);
}

static void one_library(void)
{
    CHECK(other_unit_incref() == Py_IncRef);
#ifdef Py_REF_DEBUG
    CHECK(other_unit_total() == &_Py_RefTotal);
#endif
}

int main(void)
{
    RUN(objects_go_both_ways);
    RUN(one_library);
    return summary();
}
