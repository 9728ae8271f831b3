/* A method of a C++ class in a namespace makes the leaked object. */
#include <Python.h>

namespace ledger {
struct Account {
    __attribute__((noinline)) PyObject *open(int number, const char *owner);
};

PyObject *Account::open(int number, const char *owner)
{
    return PyByteArray_FromStringAndSize(owner, number);
}
} // namespace ledger

static PyObject *leak(PyObject *, PyObject *)
{
    ledger::Account().open(3, "Ada");
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"leak", leak, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "named_birth", NULL, -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_named_birth(void) { return PyModule_Create(&module); }
