/* The extension that `make run` audits: `remember` leaks one reference to its argument in each call. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *remember(PyObject *module, PyObject *argument)
{
    (void)module;
    Py_INCREF(argument); /* "O" takes a new reference, so this one leaks. */
    return Py_BuildValue("(O)", argument);
}

static PyMethodDef functions[] = { { "remember", remember, METH_O, NULL }, { NULL, NULL, 0, NULL } };
static struct PyModuleDef demo = { PyModuleDef_HEAD_INIT, .m_name = "demo", .m_size = -1, .m_methods = functions };

PyMODINIT_FUNC PyInit_demo(void)
{
    return PyModule_Create(&demo);
}
