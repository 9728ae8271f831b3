/* Mistakes with a function's arguments and with its result. */
#include "corpus.h"

/* Takes a reference "to be safe" and never releases it. */
static PyObject *
measure_wrong(PyObject *self, PyObject *arg)
{
    Py_INCREF(arg);
    Py_ssize_t length = PyObject_Length(arg);
    if (length < 0) {
        return NULL;
    }
    return PyLong_FromSsize_t(length);
}

static PyObject *
measure_right(PyObject *self, PyObject *arg)
{
    Py_INCREF(arg);
    Py_ssize_t length = PyObject_Length(arg);
    Py_DECREF(arg);
    if (length < 0) {
        return NULL;
    }
    return PyLong_FromSsize_t(length);
}

/* Releases an argument, which is borrowed. */
static PyObject *
greeting_wrong(PyObject *self, PyObject *args)
{
    PyObject *name;
    if (!PyArg_ParseTuple(args, "O", &name)) {
        return NULL;
    }
    PyObject *result = PyUnicode_FromFormat("hello, %S", name);
    Py_DECREF(name);
    return result;
}

static PyObject *
greeting_right(PyObject *self, PyObject *args)
{
    PyObject *name;
    if (!PyArg_ParseTuple(args, "O", &name)) {
        return NULL;
    }
    return PyUnicode_FromFormat("hello, %S", name);
}

/* "O" takes a new reference, so the first reference of the new string leaks. */
static PyObject *
pair_wrong(PyObject *self, PyObject *arg)
{
    return Py_BuildValue("(Oi)", PyUnicode_FromFormat("<%S>", arg), 3);
}

static PyObject *
pair_right(PyObject *self, PyObject *arg)
{
    return Py_BuildValue("(Ni)", PyUnicode_FromFormat("<%S>", arg), 3);
}

/* "N" steals a reference, but the argument is borrowed. */
static PyObject *
wrapped_wrong(PyObject *self, PyObject *arg)
{
    return Py_BuildValue("{s:N}", "value", arg);
}

static PyObject *
wrapped_right(PyObject *self, PyObject *arg)
{
    return Py_BuildValue("{s:O}", "value", arg);
}

/* PyTuple_SET_ITEM steals, but the arguments are borrowed. */
static PyObject *
pack_wrong(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *result = PyTuple_New(nargs);
    if (result == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < nargs; i++) {
        PyTuple_SET_ITEM(result, i, args[i]);
    }
    return result;
}

static PyObject *
pack_right(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *result = PyTuple_New(nargs);
    if (result == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < nargs; i++) {
        Py_INCREF(args[i]);
        PyTuple_SET_ITEM(result, i, args[i]);
    }
    return result;
}

/* Up to 3.11 None is counted like any other object. */
static PyObject *
nothing_wrong(PyObject *self, PyObject *unused)
{
    return Py_None;
}

static PyObject *
nothing_right(PyObject *self, PyObject *unused)
{
    Py_INCREF(Py_None);
    return Py_None;
}

/* Takes a reference to the default, and a second one when the default is the result. */
static PyObject *
either_wrong(PyObject *self, PyObject *args)
{
    PyObject *value = Py_None;
    if (!PyArg_ParseTuple(args, "|O", &value)) {
        return NULL;
    }
    Py_INCREF(value);
    if (value == Py_None) {
        Py_RETURN_NONE;
    }
    return value;
}

static PyObject *
either_right(PyObject *self, PyObject *args)
{
    PyObject *value = Py_None;
    if (!PyArg_ParseTuple(args, "|O", &value)) {
        return NULL;
    }
    Py_INCREF(value);
    return value;
}

/* PyObject_RichCompare returns a new reference, also for True and False. */
static PyObject *
same_wrong(PyObject *self, PyObject *arg)
{
    PyObject *equal = PyObject_RichCompare(arg, arg, Py_EQ);
    if (equal == NULL) {
        return NULL;
    }
    return PyLong_FromLong(equal == Py_True ? 1 : 0);
}

static PyObject *
same_right(PyObject *self, PyObject *arg)
{
    PyObject *equal = PyObject_RichCompare(arg, arg, Py_EQ);
    if (equal == NULL) {
        return NULL;
    }
    long yes = equal == Py_True ? 1 : 0;
    Py_DECREF(equal);
    return PyLong_FromLong(yes);
}

/* A small int comes from a table, but PyLong_FromLong still returns a new reference. */
static PyObject *
seven_wrong(PyObject *self, PyObject *unused)
{
    PyObject *days = PyLong_FromLong(7);
    return PyFloat_FromDouble(PyLong_AsDouble(days) * 24.0);
}

static PyObject *
seven_right(PyObject *self, PyObject *unused)
{
    PyObject *days = PyLong_FromLong(7);
    double hours = PyLong_AsDouble(days) * 24.0;
    Py_DECREF(days);
    return PyFloat_FromDouble(hours);
}

/* PyNumber_Index returns an exact int itself, with one more reference. */
static PyObject *
offset_wrong(PyObject *self, PyObject *arg)
{
    PyObject *index = PyNumber_Index(arg);
    if (index == NULL) {
        return NULL;
    }
    return PyFloat_FromDouble(PyLong_AsDouble(index));
}

static PyObject *
offset_right(PyObject *self, PyObject *arg)
{
    PyObject *index = PyNumber_Index(arg);
    if (index == NULL) {
        return NULL;
    }
    double value = PyLong_AsDouble(index);
    Py_DECREF(index);
    return PyFloat_FromDouble(value);
}

/* An intermediate result is a new object, and is never released. */
static PyObject *
area_wrong(PyObject *self, PyObject *args)
{
    PyObject *a, *b;
    if (!PyArg_ParseTuple(args, "OO", &a, &b)) {
        return NULL;
    }
    PyObject *sum = PyNumber_Add(a, b);
    if (sum == NULL) {
        return NULL;
    }
    return PyNumber_Multiply(sum, b);
}

static PyObject *
area_right(PyObject *self, PyObject *args)
{
    PyObject *a, *b;
    if (!PyArg_ParseTuple(args, "OO", &a, &b)) {
        return NULL;
    }
    PyObject *sum = PyNumber_Add(a, b);
    if (sum == NULL) {
        return NULL;
    }
    PyObject *result = PyNumber_Multiply(sum, b);
    Py_DECREF(sum);
    return result;
}

/* The converter makes a new object for the caller to release. */
static PyObject *
path_length_wrong(PyObject *self, PyObject *args)
{
    PyObject *path;
    if (!PyArg_ParseTuple(args, "O&", PyUnicode_FSConverter, &path)) {
        return NULL;
    }
    return PyLong_FromSsize_t(PyBytes_GET_SIZE(path));
}

static PyObject *
path_length_right(PyObject *self, PyObject *args)
{
    PyObject *path;
    if (!PyArg_ParseTuple(args, "O&", PyUnicode_FSConverter, &path)) {
        return NULL;
    }
    Py_ssize_t size = PyBytes_GET_SIZE(path);
    Py_DECREF(path);
    return PyLong_FromSsize_t(size);
}

/* If a later argument is refused, PyArg_ParseTuple calls a converter for cleanup only if it returned
 * Py_CLEANUP_SUPPORTED. */
static int
convert_title_wrong(PyObject *arg, void *address)
{
    PyObject *title = PyUnicode_FromFormat("Dr. %S", arg);
    if (title == NULL) {
        return 0;
    }
    *(PyObject **)address = title;
    return 1;
}

static int
convert_title_right(PyObject *arg, void *address)
{
    if (arg == NULL) {
        Py_CLEAR(*(PyObject **)address);
        return 1;
    }
    PyObject *title = PyUnicode_FromFormat("Dr. %S", arg);
    if (title == NULL) {
        return 0;
    }
    *(PyObject **)address = title;
    return Py_CLEANUP_SUPPORTED;
}

static PyObject *
titled_wrong(PyObject *self, PyObject *args)
{
    PyObject *title;
    int age;
    if (!PyArg_ParseTuple(args, "O&i", convert_title_wrong, &title, &age)) {
        return NULL;
    }
    return title;
}

static PyObject *
titled_right(PyObject *self, PyObject *args)
{
    PyObject *title;
    int age;
    if (!PyArg_ParseTuple(args, "O&i", convert_title_right, &title, &age)) {
        return NULL;
    }
    return title;
}

/* "y*" holds a reference to the exporter until PyBuffer_Release. */
static PyObject *
checksum_wrong(PyObject *self, PyObject *args)
{
    Py_buffer view;
    if (!PyArg_ParseTuple(args, "y*", &view)) {
        return NULL;
    }
    return PyLong_FromSsize_t(view.len);
}

static PyObject *
checksum_right(PyObject *self, PyObject *args)
{
    Py_buffer view;
    if (!PyArg_ParseTuple(args, "y*", &view)) {
        return NULL;
    }
    Py_ssize_t length = view.len;
    PyBuffer_Release(&view);
    return PyLong_FromSsize_t(length);
}

/* The early return comes before the release. */
static PyObject *
first_byte_wrong(PyObject *self, PyObject *arg)
{
    Py_buffer view;
    if (PyObject_GetBuffer(arg, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    if (view.len > 0) {
        return PyLong_FromLong(((unsigned char *)view.buf)[0]);
    }
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
}

static PyObject *
first_byte_right(PyObject *self, PyObject *arg)
{
    Py_buffer view;
    if (PyObject_GetBuffer(arg, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    if (view.len > 0) {
        long first = ((unsigned char *)view.buf)[0];
        PyBuffer_Release(&view);
        return PyLong_FromLong(first);
    }
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    PAIR(measure, METH_O),
    PAIR(greeting, METH_VARARGS),
    PAIR(pair, METH_O),
    PAIR(wrapped, METH_O),
    PAIR(pack, METH_FASTCALL),
    PAIR(nothing, METH_NOARGS),
    PAIR(either, METH_VARARGS),
    PAIR(same, METH_O),
    PAIR(seven, METH_NOARGS),
    PAIR(offset, METH_O),
    PAIR(area, METH_VARARGS),
    PAIR(path_length, METH_VARARGS),
    PAIR(titled, METH_VARARGS),
    PAIR(checksum, METH_VARARGS),
    PAIR(first_byte, METH_O),
    {NULL, NULL, 0, NULL},
};

int
add_arguments(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
