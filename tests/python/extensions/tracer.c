/* A reference tracer that counts its events, from 3.13 on. */
#include <Python.h>

static int told[3];
static int data;

#if PY_VERSION_HEX >= 0x030D0000
static int count(PyObject *op, PyRefTracerEvent event, void *theirs)
{
    told[event] += theirs == &data;
    return 0;
}
static int set_it(int on) { return PyRefTracer_SetTracer(on ? count : NULL, on ? &data : NULL); }
static int is_there(void) { void *theirs; return PyRefTracer_GetTracer(&theirs) == count && theirs == &data; }
static int is_none(void) { void *theirs; return PyRefTracer_GetTracer(&theirs) == NULL; }
#else
static int set_it(int on) { return 0; }
static int is_there(void) { return 0; }
static int is_none(void) { return 1; }
#endif

static PyObject *set(PyObject *module, PyObject *on) { return PyLong_FromLong(set_it(on == Py_True)); }
static PyObject *is_set(PyObject *module, PyObject *args) { return PyBool_FromLong(is_there()); }
static PyObject *none_is_set(PyObject *module, PyObject *args) { return PyBool_FromLong(is_none()); }
static PyObject *events(PyObject *module, PyObject *args) { return Py_BuildValue("(iii)", told[0], told[1], told[2]); }

static PyMethodDef methods[] = {
    {"set", set, METH_O, NULL}, {"is_set", is_set, METH_NOARGS, NULL}, {"none_is_set", none_is_set, METH_NOARGS, NULL},
    {"events", events, METH_NOARGS, NULL}, {NULL},
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "tracer", NULL, -1, methods};
PyMODINIT_FUNC PyInit_tracer(void) { return PyModule_Create(&module); }
