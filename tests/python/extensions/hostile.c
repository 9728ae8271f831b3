/* Objects that are hard to show: half-filled containers, types without a name, and traverse functions that lie. */
#include <Python.h>

static PyObject *empty_tuple(PyObject *m, PyObject *a) { PyTuple_New(2); Py_RETURN_NONE; } /* The mistake. */
static PyObject *empty_list(PyObject *m, PyObject *a) { PyList_New(2); Py_RETURN_NONE; }   /* The mistake. */

/* A tuple whose last slot is NULL, and a list whose first slot is NULL. */
static PyObject *half_tuple(PyObject *m, PyObject *held)
{
    PyObject *made = PyTuple_New(2);
    Py_INCREF(held);
    PyTuple_SET_ITEM(made, 0, held);
    return made;
}
static PyObject *half_list(PyObject *m, PyObject *held)
{
    PyObject *made = PyList_New(2);
    Py_INCREF(held);
    PyList_SET_ITEM(made, 1, held);
    return made;
}

/* A tuple that holds the object at an address, whose count is set to 0. */
static PyObject *without_references(PyObject *m, PyObject *address)
{
    PyObject *held = PyLong_AsVoidPtr(address);
    PyObject *made = PyTuple_New(1);
    PyTuple_SET_ITEM(made, 0, held);
#if PY_VERSION_HEX >= 0x030900A4
    Py_SET_REFCNT(held, 0);
#else
    Py_REFCNT(held) = 0;
#endif
    return made;
}

/* A type whose name can be set. */
static void box_dealloc(PyObject *self) { PyObject_Free(self); }
static PyTypeObject Named = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "hostile.Named", .tp_basicsize = sizeof(PyObject),
                             .tp_dealloc = box_dealloc, .tp_flags = Py_TPFLAGS_DEFAULT};
static PyObject *name(PyObject *m, PyObject *bytes)
{
    Named.tp_name = bytes == Py_None ? NULL : strdup(PyBytes_AS_STRING(bytes));
    Py_RETURN_NONE;
}
static PyObject *named(PyObject *m, PyObject *a)
{
    PyObject *made = PyObject_Malloc(sizeof(PyObject));
    return PyObject_Init(made, &Named);
}

/* Containers whose traverse function lies. */
static int kind;
static int lying_traverse(PyObject *self, visitproc visit, void *arg)
{
    PyObject *temporary = NULL;
    switch (kind) {
    case 0: /* Temporary objects, which die before the traverse ends. */
        for (int i = 0; i < 5; i++) {
            temporary = PyFloat_FromDouble(i + 0.5);
            visit(temporary, arg);
            Py_DECREF(temporary);
            temporary = PyObject_Malloc(200);
            PyObject_Init(temporary, &PyBaseObject_Type);
            visit(temporary, arg);
            Py_DECREF(temporary);
        }
        break;
    case 1: /* Addresses without an object. */
        visit((PyObject *)8, arg);
        visit((PyObject *)0x123456789008, arg);
        visit((PyObject *)((char *)self + 4), arg);
        visit((PyObject *)((char *)self + 8), arg);
        visit((PyObject *)~15, arg);
        break;
    case 2: /* An exception is left behind. */
        PyErr_SetString(PyExc_ValueError, "from a traverse");
        break;
    case 3: /* The traverse fails. */
        return -1;
    }
    return 0;
}
static void liar_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    PyObject_GC_Del(self);
}
static PyTypeObject Liar = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "hostile.Liar", .tp_basicsize = sizeof(PyObject),
                            .tp_dealloc = liar_dealloc, .tp_traverse = lying_traverse,
                            .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC};
static PyObject *liar(PyObject *m, PyObject *number)
{
    kind = (int)PyLong_AsLong(number);
    PyObject *made = (PyObject *)PyObject_GC_New(PyObject, &Liar);
    PyObject_GC_Track(made);
    return made;
}

static PyObject *keep(PyObject *m, PyObject *held) { Py_INCREF(held); Py_RETURN_NONE; } /* The mistake. */

static PyMethodDef methods[] = {{"empty_tuple", empty_tuple, METH_NOARGS, 0},
                                {"empty_list", empty_list, METH_NOARGS, 0},
                                {"half_tuple", half_tuple, METH_O, 0},
                                {"half_list", half_list, METH_O, 0},
                                {"without_references", without_references, METH_O, 0},
                                {"name", name, METH_O, 0},
                                {"named", named, METH_NOARGS, 0},
                                {"liar", liar, METH_O, 0},
                                {"keep", keep, METH_O, 0},
                                {0}};
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "hostile", 0, -1, methods};
PyMODINIT_FUNC PyInit_hostile(void)
{
    if (PyType_Ready(&Named) < 0 || PyType_Ready(&Liar) < 0) {
        return NULL;
    }
    return PyModule_Create(&def);
}
