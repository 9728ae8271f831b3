/* A program that test_install.py builds against an installed library. Its argument is the flavour that it expects. */
#include <pyrefcore.h>
#include <string.h>

int main(int argc, char **argv)
{
    static PyTypeObject type = { PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "Thing",
                                 .tp_basicsize = sizeof(PyObject),
                                 .tp_dealloc = (destructor)PyObject_Free };
    PyObject *op = PyObject_New(PyObject, &type);
    Py_INCREF(op);
    Py_DECREF(op);
    Py_DecRef(op);
    return argc != 2 || strcmp(pyrefcore_flavour(), argv[1]) != 0;
}
