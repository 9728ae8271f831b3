/* A static object of the module, which no other object holds. Up to 3.11 its references are counted. */
#include <Python.h>

typedef struct { PyObject_HEAD int number; } Descr;

static PyTypeObject Descr_Type = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "static_object.Descr",
    .tp_basicsize = sizeof(Descr), .tp_flags = Py_TPFLAGS_DEFAULT};
static Descr descr = {PyObject_HEAD_INIT(&Descr_Type) 7};

static PyObject *get(PyObject *module, PyObject *unused)
{
    Py_INCREF(&descr);
    return (PyObject *)&descr;
}

static PyObject *leak(PyObject *module, PyObject *unused)
{
    Py_INCREF(&descr);
    return get(module, unused);
}

static PyObject *drop(PyObject *module, PyObject *unused)
{
    return (PyObject *)&descr;
}

static PyMethodDef methods[] = {{"get", get, METH_NOARGS}, {"leak", leak, METH_NOARGS}, {"drop", drop, METH_NOARGS}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "static_object", 0, -1, methods};

PyMODINIT_FUNC PyInit_static_object(void)
{
    return PyType_Ready(&Descr_Type) < 0 ? NULL : PyModule_Create(&definition);
}
