/* Py_CLEAR and Py_SETREF change the variable before they release the old object. */
#include "testing.h"
#include "things.h"

/* A dying object reads the variable that held it: the variable must have its new value already. */
static PyObject *variable, *expected;
static int looked;
static void look(PyObject *op)
{
    looked++;
    CHECK(variable == expected);
    PyObject_Free(op);
}
static PyTypeObject Looker_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Looker",
    .tp_basicsize = sizeof(PyObject), .tp_dealloc = look,
};
static void variables_are_set_first(void)
{
    variable = PyObject_New(PyObject, &Looker_Type);
    expected = NULL;
    Py_CLEAR(variable);
    EQUAL(looked, 1);
    variable = PyObject_New(PyObject, &Looker_Type);
    expected = (PyObject *)new_thing(1);
    Py_SETREF(variable, expected);
    CHECK(looked == 2 && variable == expected && Py_REFCNT(variable) == 1);
    Py_CLEAR(variable);
    Py_XSETREF(variable, PyObject_New(PyObject, &Looker_Type));
    expected = NULL;
    Py_XSETREF(variable, NULL);
    CHECK(looked == 3 && variable == NULL);
}

/* The variable may be of any object type. From 3.12 on the macros evaluate it once. */
static void places(void)
{
    Thing *things[] = { new_thing(0), new_thing(1), NULL }, **next = things;
    things_ended = 0;
#if PY_VERSION_HEX >= 0x030C0000
    Py_CLEAR(*next++);
    Py_SETREF(*next++, new_thing(2));
    CHECK(next == things + 2);
#else
    Py_CLEAR(next[0]);
    Py_SETREF(next[1], new_thing(2));
#endif
    CHECK(things[0] == NULL && things[1]->number == 2 && things_ended == 2);
    Py_XSETREF(things[1], NULL);
    EQUAL(things_ended, 3);
}

int main(void)
{
    RUN(variables_are_set_first);
    RUN(places);
    return summary();
}
