/* A function that makes a new type in each call. */
#include <Python.h>

static void end(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot slots[] = { { Py_tp_dealloc, end }, { 0, NULL } };
static PyType_Spec spec = { "local_type.Local", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, slots };

static PyObject *make(PyObject *module, PyObject *none)
{
    PyObject *type = PyType_FromSpec(&spec);
    if (type == NULL)
        return NULL;
    PyObject *made = PyType_GenericAlloc((PyTypeObject *)type, 0);
    Py_DECREF(type);
    return made;
}

static PyObject *leak(PyObject *module, PyObject *none)
{
    if (make(module, none) == NULL)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    { "make", make, METH_NOARGS, NULL },
    { "leak", leak, METH_NOARGS, NULL },
    { NULL, NULL, 0, NULL },
};
static struct PyModuleDef definition = { PyModuleDef_HEAD_INIT, "local_type", NULL, -1, functions };
PyMODINIT_FUNC PyInit_local_type(void) { return PyModule_Create(&definition); }
