/* Each function leaks one object, which `forget_X` makes. Before or after that, `innocent_X` makes an object of that
 * type and releases it. So the leaked object may reuse the memory of an innocent one. */
#include <Python.h>

#define TYPE(name, make) \
    __attribute__((noinline)) static void forget_##name(void) { (void)(make); } \
    __attribute__((noinline)) static void innocent_##name(void) { Py_XDECREF(make); } \
    static PyObject *name##_first(PyObject *module, PyObject *args) { forget_##name(); innocent_##name(); Py_RETURN_NONE; } \
    static PyObject *name##_last(PyObject *module, PyObject *args) { innocent_##name(); forget_##name(); Py_RETURN_NONE; }
#define METHODS(name) {#name "_first", name##_first, METH_NOARGS, NULL}, {#name "_last", name##_last, METH_NOARGS, NULL}

/* A type with a free list. */
static PyTypeObject Parked_Type;
static PyObject *parked[4];
static int parked_count;

static PyObject *make_parked(void)
{
    if (parked_count == 0) {
        return PyObject_New(PyObject, &Parked_Type);
    }
    PyObject *old = parked[--parked_count];
    return PyObject_Init(old, &Parked_Type);
}

static void park(PyObject *self)
{
    if (parked_count < 4) {
        parked[parked_count++] = self;
    }
    else {
        PyObject_Free(self);
    }
}

static PyTypeObject Parked_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "reused_memory.Parked",
    .tp_basicsize = sizeof(PyObject),
    .tp_dealloc = park,
};

/* A type without a free list. */
static void end(PyObject *self) { PyObject_Free(self); }

static PyTypeObject Thing_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "reused_memory.Thing",
    .tp_basicsize = sizeof(PyObject),
    .tp_dealloc = end,
};

static PyObject *bound;

TYPE(tuple, PyTuple_Pack(1, Py_None))
TYPE(dict, PyDict_New())
TYPE(float, PyFloat_FromDouble(1.5))
TYPE(list, PyList_New(0))
TYPE(str, PyUnicode_FromFormat("%d%d", 12, 34))
TYPE(slice, PySlice_New(Py_None, Py_None, Py_None))
TYPE(int, PyLong_FromLongLong(123456789012LL))
TYPE(complex, PyComplex_FromDoubles(1, 2))
TYPE(bytes, PyBytes_FromString("text"))
TYPE(bytearray, PyByteArray_FromStringAndSize("text", 4))
TYPE(set, PySet_New(NULL))
TYPE(method, PyMethod_New(bound, Py_None))
TYPE(iterator, PySeqIter_New(bound))
TYPE(parked, make_parked())
TYPE(thing, PyObject_New(PyObject, &Thing_Type))

/* A bytes object that another function makes longer. */
__attribute__((noinline)) static PyObject *begin(void) { return PyBytes_FromStringAndSize(NULL, 10); }
__attribute__((noinline)) static void lengthen(PyObject **text) { _PyBytes_Resize(text, 3000); }
static PyObject *resized(PyObject *module, PyObject *args)
{
    PyObject *text = begin();
    lengthen(&text);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    METHODS(tuple), METHODS(dict), METHODS(float), METHODS(list), METHODS(str), METHODS(slice), METHODS(int),
    METHODS(complex), METHODS(bytes), METHODS(bytearray), METHODS(set), METHODS(method), METHODS(iterator),
    METHODS(parked), METHODS(thing), {"resized", resized, METH_NOARGS, NULL}, {NULL},
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "reused_memory", NULL, -1, methods};

PyMODINIT_FUNC PyInit_reused_memory(void)
{
    bound = PyList_New(0);
    return bound && PyType_Ready(&Parked_Type) == 0 && PyType_Ready(&Thing_Type) == 0 ? PyModule_Create(&module) : NULL;
}
