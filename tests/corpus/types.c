/* Types made at run time, and their instances. */
#include "corpus.h"

static void
handle_dealloc_wrong(PyObject *self)
{
    Py_TYPE(self)->tp_free(self);
}

/* An instance of a heap type holds its type, and its tp_dealloc must release it. */
static void
handle_dealloc_right(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot handle_slots_wrong[] = {
    {Py_tp_new, PyType_GenericNew}, {Py_tp_dealloc, handle_dealloc_wrong}, {0, NULL},
};

static PyType_Slot handle_slots_right[] = {
    {Py_tp_new, PyType_GenericNew}, {Py_tp_dealloc, handle_dealloc_right}, {0, NULL},
};

static PyType_Spec handle_spec_wrong = {
    "corpus.Handle", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, handle_slots_wrong,
};

static PyType_Spec handle_spec_right = {
    "corpus.Handle", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, handle_slots_right,
};

/* The new type is never released. */
static PyObject *
type_size_wrong(PyObject *self, PyObject *unused)
{
    PyObject *type = PyType_FromSpec(&handle_spec_right);
    if (type == NULL) {
        return NULL;
    }
    return PyLong_FromSsize_t(((PyTypeObject *)type)->tp_basicsize);
}

static PyObject *
type_size_right(PyObject *self, PyObject *unused)
{
    PyObject *type = PyType_FromSpec(&handle_spec_right);
    if (type == NULL) {
        return NULL;
    }
    Py_ssize_t size = ((PyTypeObject *)type)->tp_basicsize;
    Py_DECREF(type);
    return PyLong_FromSsize_t(size);
}

static PyType_Slot derived_slots[] = {{0, NULL}};

static PyType_Spec derived_spec = {
    "corpus.Derived", 0, 0, Py_TPFLAGS_DEFAULT, derived_slots,
};

/* PyType_FromSpecWithBases does not steal the tuple of bases. */
static PyObject *
derive_wrong(PyObject *self, PyObject *arg)
{
    PyObject *bases = PyTuple_Pack(1, arg);
    if (bases == NULL) {
        return NULL;
    }
    return PyType_FromSpecWithBases(&derived_spec, bases);
}

static PyObject *
derive_right(PyObject *self, PyObject *arg)
{
    PyObject *bases = PyTuple_Pack(1, arg);
    if (bases == NULL) {
        return NULL;
    }
    PyObject *type = PyType_FromSpecWithBases(&derived_spec, bases);
    Py_DECREF(bases);
    return type;
}

/* PyStructSequence_SetItem steals, as PyTuple_SetItem does. */
static PyTypeObject *place_type;

static PyStructSequence_Field place_fields[] = {{"name", NULL}, {"height", NULL}, {NULL, NULL}};

/* 3.8 needs a docstring. */
static PyStructSequence_Desc place_description = {"corpus.Place", "A place", place_fields, 2};

static PyObject *
place_of_wrong(PyObject *self, PyObject *arg)
{
    PyObject *result = PyStructSequence_New(place_type);
    PyObject *height = PyFloat_FromDouble(2963.5);
    if (result == NULL || height == NULL) {
        Py_XDECREF(result);
        Py_XDECREF(height);
        return NULL;
    }
    Py_INCREF(arg);
    PyStructSequence_SetItem(result, 0, arg);
    Py_INCREF(height);
    PyStructSequence_SetItem(result, 1, height);
    return result;
}

static PyObject *
place_of_right(PyObject *self, PyObject *arg)
{
    PyObject *result = PyStructSequence_New(place_type);
    PyObject *height = PyFloat_FromDouble(2963.5);
    if (result == NULL || height == NULL) {
        Py_XDECREF(result);
        Py_XDECREF(height);
        return NULL;
    }
    Py_INCREF(arg);
    PyStructSequence_SetItem(result, 0, arg);
    PyStructSequence_SetItem(result, 1, height);
    return result;
}

/* PyObject_Type returns a new reference. */
static PyObject *
kind_of_wrong(PyObject *self, PyObject *arg)
{
    PyObject *type = PyObject_Type(arg);
    return PyObject_GetAttrString(type, "__name__");
}

static PyObject *
kind_of_right(PyObject *self, PyObject *arg)
{
    return PyObject_GetAttrString((PyObject *)Py_TYPE(arg), "__name__");
}

/* Py_TYPE returns a borrowed reference. */
static PyObject *
type_of_wrong(PyObject *self, PyObject *arg)
{
    return (PyObject *)Py_TYPE(arg);
}

static PyObject *
type_of_right(PyObject *self, PyObject *arg)
{
    return PyObject_Type(arg);
}

static PyMethodDef functions[] = {
    PAIR(type_size, METH_NOARGS),
    PAIR(derive, METH_O),
    PAIR(place_of, METH_O),
    PAIR(kind_of, METH_O),
    PAIR(type_of, METH_O),
    {NULL, NULL, 0, NULL},
};

int
add_run_time_types(PyObject *module)
{
    PyObject *wrong = PyType_FromSpec(&handle_spec_wrong);
    PyObject *right = PyType_FromSpec(&handle_spec_right);
    place_type = PyStructSequence_NewType(&place_description);
    if (wrong == NULL || right == NULL || place_type == NULL ||
        PyObject_SetAttrString(module, "Handle_wrong", wrong) < 0 ||
        PyObject_SetAttrString(module, "Handle_right", right) < 0 ||
        PyObject_SetAttrString(module, "Place", (PyObject *)place_type) < 0) {
        Py_XDECREF(wrong);
        Py_XDECREF(right);
        return -1;
    }
    Py_DECREF(wrong);
    Py_DECREF(right);
    return PyModule_AddFunctions(module, functions);
}
