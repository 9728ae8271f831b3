/* The compiler inlines the function that makes the leaked object, and its caller. */
#include <Python.h>

static inline __attribute__((always_inline)) PyObject *make_inlined(void)
{
    return PyByteArray_FromStringAndSize("text", 4); /* the line of the birth */
}

static inline __attribute__((always_inline)) void forget_inlined(void)
{
    PyObject *made = make_inlined(); /* the line of the first caller */
    (void)made;
}

static PyObject *leak(PyObject *module, PyObject *args)
{
    forget_inlined(); /* the line of the second caller */
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"leak", leak, METH_NOARGS, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "inlined_birth", NULL, -1, methods};
PyMODINIT_FUNC PyInit_inlined_birth(void) { return PyModule_Create(&module); }
