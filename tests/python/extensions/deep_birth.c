/* The extension calls a class whose Python code makes the leaked object, many C frames deeper. */
#include <Python.h>

__attribute__((noinline)) static int call_and_forget(PyObject *cls)
{
    return PyObject_CallFunctionObjArgs(cls, NULL) != NULL;
}

static PyObject *leak(PyObject *module, PyObject *cls)
{
    if (!call_and_forget(cls)) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"leak", leak, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "deep_birth", NULL, -1, methods};
PyMODINIT_FUNC PyInit_deep_birth(void) { return PyModule_Create(&module); }
