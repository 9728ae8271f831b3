/* Functions that put an object into a container. Most take a new reference; a few steal the caller's. */
#include "corpus.h"

static PyObject *
settings_wrong(PyObject *self, PyObject *unused)
{
    PyObject *result = PyDict_New();
    if (result == NULL) {
        return NULL;
    }
    if (PyDict_SetItemString(result, "limit", PyLong_FromLong(1234567)) < 0) {
        Py_DECREF(result);
        return NULL;
    }
    return result;
}

static PyObject *
settings_right(PyObject *self, PyObject *unused)
{
    PyObject *result = PyDict_New();
    if (result == NULL) {
        return NULL;
    }
    PyObject *limit = PyLong_FromLong(1234567);
    if (limit == NULL || PyDict_SetItemString(result, "limit", limit) < 0) {
        Py_XDECREF(limit);
        Py_DECREF(result);
        return NULL;
    }
    Py_DECREF(limit);
    return result;
}

/* PyDict_SetItem steals neither the new key nor the new value. */
static PyObject *
index_by_wrong(PyObject *self, PyObject *arg)
{
    PyObject *result = PyDict_New();
    PyObject *key = PyUnicode_FromFormat("key of %S", arg);
    PyObject *value = PyFloat_FromDouble(0.25);
    if (result == NULL || key == NULL || value == NULL || PyDict_SetItem(result, key, value) < 0) {
        Py_CLEAR(result);
    }
    return result;
}

static PyObject *
index_by_right(PyObject *self, PyObject *arg)
{
    PyObject *result = PyDict_New();
    PyObject *key = PyUnicode_FromFormat("key of %S", arg);
    PyObject *value = PyFloat_FromDouble(0.25);
    if (result == NULL || key == NULL || value == NULL || PyDict_SetItem(result, key, value) < 0) {
        Py_CLEAR(result);
    }
    Py_XDECREF(key);
    Py_XDECREF(value);
    return result;
}

static PyObject *
lines_wrong(PyObject *self, PyObject *arg)
{
    PyObject *result = PyList_New(0);
    for (int i = 0; result != NULL && i < 3; i++) {
        PyObject *line = PyUnicode_FromFormat("%d: %S", i, arg);
        if (line == NULL || PyList_Append(result, line) < 0) {
            Py_CLEAR(result);
        }
    }
    return result;
}

static PyObject *
lines_right(PyObject *self, PyObject *arg)
{
    PyObject *result = PyList_New(0);
    for (int i = 0; result != NULL && i < 3; i++) {
        PyObject *line = PyUnicode_FromFormat("%d: %S", i, arg);
        if (line == NULL || PyList_Append(result, line) < 0) {
            Py_CLEAR(result);
        }
        Py_XDECREF(line);
    }
    return result;
}

static PyObject *
points_wrong(PyObject *self, PyObject *unused)
{
    PyObject *result = PySet_New(NULL);
    if (result == NULL) {
        return NULL;
    }
    if (PySet_Add(result, Py_BuildValue("(dd)", 0.5, 1.5)) < 0) {
        Py_CLEAR(result);
    }
    return result;
}

static PyObject *
points_right(PyObject *self, PyObject *unused)
{
    PyObject *result = PySet_New(NULL);
    if (result == NULL) {
        return NULL;
    }
    PyObject *point = Py_BuildValue("(dd)", 0.5, 1.5);
    if (point == NULL || PySet_Add(result, point) < 0) {
        Py_CLEAR(result);
    }
    Py_XDECREF(point);
    return result;
}

static PyObject *
stamp_wrong(PyObject *self, PyObject *arg)
{
    if (PyObject_SetAttrString(arg, "stamp", PyBytes_FromString("a stamp")) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
stamp_right(PyObject *self, PyObject *arg)
{
    PyObject *stamp = PyBytes_FromString("a stamp");
    if (stamp == NULL) {
        return NULL;
    }
    int failed = PyObject_SetAttrString(arg, "stamp", stamp);
    Py_DECREF(stamp);
    if (failed < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
register_wrong(PyObject *self, PyObject *arg)
{
    PyObject *handlers = PyList_New(0);
    if (handlers == NULL || PyMapping_SetItemString(arg, "handlers", handlers) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
register_right(PyObject *self, PyObject *arg)
{
    PyObject *handlers = PyList_New(0);
    if (handlers == NULL || PyMapping_SetItemString(arg, "handlers", handlers) < 0) {
        Py_XDECREF(handlers);
        return NULL;
    }
    Py_DECREF(handlers);
    Py_RETURN_NONE;
}

/* Only the value is released; PyObject_SetItem does not steal the key either. */
static PyObject *
cell_wrong(PyObject *self, PyObject *arg)
{
    PyObject *key = Py_BuildValue("(ss)", "row", "column");
    PyObject *value = PyLong_FromLong(76543210);
    int failed = key == NULL || value == NULL || PyObject_SetItem(arg, key, value) < 0;
    Py_XDECREF(value);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
cell_right(PyObject *self, PyObject *arg)
{
    PyObject *key = Py_BuildValue("(ss)", "row", "column");
    PyObject *value = PyLong_FromLong(76543210);
    int failed = key == NULL || value == NULL || PyObject_SetItem(arg, key, value) < 0;
    Py_XDECREF(value);
    Py_XDECREF(key);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* PyList_SetItem steals; the author believed that it takes a new reference, as PyList_Append does. */
static PyObject *
singleton_wrong(PyObject *self, PyObject *arg)
{
    PyObject *result = PyList_New(1);
    PyObject *item = PyUnicode_FromFormat("the only %S", arg);
    if (result == NULL || item == NULL) {
        Py_XDECREF(result);
        Py_XDECREF(item);
        return NULL;
    }
    Py_INCREF(item);
    PyList_SetItem(result, 0, item);
    return result;
}

static PyObject *
singleton_right(PyObject *self, PyObject *arg)
{
    PyObject *result = PyList_New(1);
    PyObject *item = PyUnicode_FromFormat("the only %S", arg);
    if (result == NULL || item == NULL) {
        Py_XDECREF(result);
        Py_XDECREF(item);
        return NULL;
    }
    PyList_SetItem(result, 0, item);
    return result;
}

/* PyList_SetItem releases the item even if it fails. */
static PyObject *
place_wrong(PyObject *self, PyObject *args)
{
    PyObject *list, *item;
    Py_ssize_t index;
    if (!PyArg_ParseTuple(args, "O!nO", &PyList_Type, &list, &index, &item)) {
        return NULL;
    }
    Py_INCREF(item);
    if (PyList_SetItem(list, index, item) < 0) {
        Py_DECREF(item);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
place_right(PyObject *self, PyObject *args)
{
    PyObject *list, *item;
    Py_ssize_t index;
    if (!PyArg_ParseTuple(args, "O!nO", &PyList_Type, &list, &index, &item)) {
        return NULL;
    }
    Py_INCREF(item);
    if (PyList_SetItem(list, index, item) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* PyTuple_SetItem too releases the item if it fails. It fails here because the tuple has other references. */
static PyObject *
amend_wrong(PyObject *self, PyObject *args)
{
    PyObject *tuple, *item;
    if (!PyArg_ParseTuple(args, "O!O", &PyTuple_Type, &tuple, &item)) {
        return NULL;
    }
    Py_INCREF(item);
    if (PyTuple_SetItem(tuple, 0, item) < 0) {
        Py_DECREF(item);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
amend_right(PyObject *self, PyObject *args)
{
    PyObject *tuple, *item;
    if (!PyArg_ParseTuple(args, "O!O", &PyTuple_Type, &tuple, &item)) {
        return NULL;
    }
    Py_INCREF(item);
    if (PyTuple_SetItem(tuple, 0, item) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* PyTuple_SET_ITEM steals one reference for each place. */
static PyObject *
twice_wrong(PyObject *self, PyObject *arg)
{
    PyObject *result = PyTuple_New(2);
    if (result == NULL) {
        return NULL;
    }
    Py_INCREF(arg);
    PyTuple_SET_ITEM(result, 0, arg);
    PyTuple_SET_ITEM(result, 1, arg);
    return result;
}

static PyObject *
twice_right(PyObject *self, PyObject *arg)
{
    PyObject *result = PyTuple_New(2);
    if (result == NULL) {
        return NULL;
    }
    Py_INCREF(arg);
    PyTuple_SET_ITEM(result, 0, arg);
    Py_INCREF(arg);
    PyTuple_SET_ITEM(result, 1, arg);
    return result;
}

/* PyList_SET_ITEM does not release the old item. */
static PyObject *
overwrite_wrong(PyObject *self, PyObject *arg)
{
    PyObject *result = Py_BuildValue("[N]", PyUnicode_FromFormat("not yet %S", arg));
    if (result == NULL) {
        return NULL;
    }
    Py_INCREF(arg);
    PyList_SET_ITEM(result, 0, arg);
    return result;
}

static PyObject *
overwrite_right(PyObject *self, PyObject *arg)
{
    PyObject *result = Py_BuildValue("[N]", PyUnicode_FromFormat("not yet %S", arg));
    if (result == NULL) {
        return NULL;
    }
    Py_INCREF(arg);
    PyList_SetItem(result, 0, arg);
    return result;
}

static PyMethodDef functions[] = {
    PAIR(settings, METH_NOARGS),
    PAIR(index_by, METH_O),
    PAIR(lines, METH_O),
    PAIR(points, METH_NOARGS),
    PAIR(stamp, METH_O),
    PAIR(register, METH_O),
    PAIR(cell, METH_O),
    PAIR(singleton, METH_O),
    PAIR(place, METH_VARARGS),
    PAIR(amend, METH_VARARGS),
    PAIR(twice, METH_O),
    PAIR(overwrite, METH_O),
    {NULL, NULL, 0, NULL},
};

int
add_containers(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
