/* Functions that read an item of a container. Some return a borrowed reference, some a new one. */
#include "corpus.h"

/* PyList_GetItem returns a borrowed reference. */
static PyObject *
head_wrong(PyObject *self, PyObject *arg)
{
    PyObject *item = PyList_GetItem(arg, 0);
    if (item == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_Repr(item);
    Py_DECREF(item);
    return result;
}

static PyObject *
head_right(PyObject *self, PyObject *arg)
{
    PyObject *item = PyList_GetItem(arg, 0);
    if (item == NULL) {
        return NULL;
    }
    return PyObject_Repr(item);
}

/* PyTuple_GET_ITEM gives a borrowed reference; a function must return a new one. */
static PyObject *
last_wrong(PyObject *self, PyObject *arg)
{
    return PyTuple_GET_ITEM(arg, PyTuple_GET_SIZE(arg) - 1);
}

static PyObject *
last_right(PyObject *self, PyObject *arg)
{
    PyObject *item = PyTuple_GET_ITEM(arg, PyTuple_GET_SIZE(arg) - 1);
    Py_INCREF(item);
    return item;
}

/* PyDict_GetItem returns a borrowed reference. */
static PyObject *
lookup_wrong(PyObject *self, PyObject *args)
{
    PyObject *dict, *key;
    if (!PyArg_ParseTuple(args, "O!O", &PyDict_Type, &dict, &key)) {
        return NULL;
    }
    PyObject *value = PyDict_GetItemWithError(dict, key);
    if (value == NULL) {
        return PyErr_Occurred() ? NULL : PyLong_FromLong(-1);
    }
    Py_hash_t hash = PyObject_Hash(value);
    Py_DECREF(value);
    return PyLong_FromSsize_t(hash);
}

static PyObject *
lookup_right(PyObject *self, PyObject *args)
{
    PyObject *dict, *key;
    if (!PyArg_ParseTuple(args, "O!O", &PyDict_Type, &dict, &key)) {
        return NULL;
    }
    PyObject *value = PyDict_GetItemWithError(dict, key);
    if (value == NULL) {
        return PyErr_Occurred() ? NULL : PyLong_FromLong(-1);
    }
    return PyLong_FromSsize_t(PyObject_Hash(value));
}

/* PyDict_SetDefault returns a borrowed reference. */
static PyObject *
remembered_wrong(PyObject *self, PyObject *args)
{
    PyObject *dict, *key, *value;
    if (!PyArg_ParseTuple(args, "O!OO", &PyDict_Type, &dict, &key, &value)) {
        return NULL;
    }
    PyObject *found = PyDict_SetDefault(dict, key, value);
    if (found == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_Repr(found);
    Py_DECREF(found);
    return result;
}

static PyObject *
remembered_right(PyObject *self, PyObject *args)
{
    PyObject *dict, *key, *value;
    if (!PyArg_ParseTuple(args, "O!OO", &PyDict_Type, &dict, &key, &value)) {
        return NULL;
    }
    PyObject *found = PyDict_SetDefault(dict, key, value);
    if (found == NULL) {
        return NULL;
    }
    return PyObject_Repr(found);
}

/* PyDict_Next gives borrowed references to the key and the value. */
static PyObject *
sizes_wrong(PyObject *self, PyObject *arg)
{
    PyObject *key, *value;
    Py_ssize_t position = 0, total = 0;
    while (PyDict_Next(arg, &position, &key, &value)) {
        total += PyObject_Length(value);
        Py_DECREF(value);
    }
    return PyLong_FromSsize_t(total);
}

static PyObject *
sizes_right(PyObject *self, PyObject *arg)
{
    PyObject *key, *value;
    Py_ssize_t position = 0, total = 0;
    while (PyDict_Next(arg, &position, &key, &value)) {
        total += PyObject_Length(value);
    }
    return PyLong_FromSsize_t(total);
}

/* The tuple steals borrowed references of the list. */
static PyObject *
ends_wrong(PyObject *self, PyObject *arg)
{
    Py_ssize_t size = PyList_Size(arg);
    PyObject *result = PyTuple_New(2);
    if (size < 1 || result == NULL) {
        Py_XDECREF(result);
        return NULL;
    }
    PyTuple_SET_ITEM(result, 0, PyList_GET_ITEM(arg, 0));
    PyTuple_SET_ITEM(result, 1, PyList_GET_ITEM(arg, size - 1));
    return result;
}

static PyObject *
ends_right(PyObject *self, PyObject *arg)
{
    Py_ssize_t size = PyList_Size(arg);
    PyObject *result = PyTuple_New(2);
    if (size < 1 || result == NULL) {
        Py_XDECREF(result);
        return NULL;
    }
    PyObject *first = PyList_GET_ITEM(arg, 0), *last = PyList_GET_ITEM(arg, size - 1);
    Py_INCREF(first);
    Py_INCREF(last);
    PyTuple_SET_ITEM(result, 0, first);
    PyTuple_SET_ITEM(result, 1, last);
    return result;
}

/* PySequence_GetItem returns a new reference, unlike the functions of lists and tuples. */
static PyObject *
third_wrong(PyObject *self, PyObject *arg)
{
    PyObject *item = PySequence_GetItem(arg, 2);
    if (item == NULL) {
        return NULL;
    }
    return PyObject_Repr(item);
}

static PyObject *
third_right(PyObject *self, PyObject *arg)
{
    PyObject *item = PySequence_GetItem(arg, 2);
    if (item == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_Repr(item);
    Py_DECREF(item);
    return result;
}

/* PyObject_GetItem returns a new reference. */
static PyObject *
has_colour_wrong(PyObject *self, PyObject *arg)
{
    PyObject *key = PyUnicode_FromString("colour");
    if (key == NULL) {
        return NULL;
    }
    PyObject *value = PyObject_GetItem(arg, key);
    Py_DECREF(key);
    if (value == NULL) {
        PyErr_Clear();
        return PyLong_FromLong(0);
    }
    return PyLong_FromLong(1);
}

static PyObject *
has_colour_right(PyObject *self, PyObject *arg)
{
    PyObject *key = PyUnicode_FromString("colour");
    if (key == NULL) {
        return NULL;
    }
    PyObject *value = PyObject_GetItem(arg, key);
    Py_DECREF(key);
    if (value == NULL) {
        PyErr_Clear();
        return PyLong_FromLong(0);
    }
    Py_DECREF(value);
    return PyLong_FromLong(1);
}

/* PyMapping_Items returns a new list, not a view. */
static PyObject *
count_items_wrong(PyObject *self, PyObject *arg)
{
    PyObject *items = PyMapping_Items(arg);
    if (items == NULL) {
        return NULL;
    }
    return PyLong_FromSsize_t(PyList_GET_SIZE(items));
}

static PyObject *
count_items_right(PyObject *self, PyObject *arg)
{
    PyObject *items = PyMapping_Items(arg);
    if (items == NULL) {
        return NULL;
    }
    Py_ssize_t size = PyList_GET_SIZE(items);
    Py_DECREF(items);
    return PyLong_FromSsize_t(size);
}

/* PySet_Pop returns a new reference. */
static PyObject *
drop_one_wrong(PyObject *self, PyObject *arg)
{
    PyObject *set = PySet_New(arg);
    if (set == NULL) {
        return NULL;
    }
    if (PySet_Pop(set) == NULL) {
        Py_CLEAR(set);
    }
    return set;
}

static PyObject *
drop_one_right(PyObject *self, PyObject *arg)
{
    PyObject *set = PySet_New(arg);
    if (set == NULL) {
        return NULL;
    }
    PyObject *popped = PySet_Pop(set);
    if (popped == NULL) {
        Py_CLEAR(set);
    }
    Py_XDECREF(popped);
    return set;
}

/* A slice is a new list. */
static PyObject *
tail_wrong(PyObject *self, PyObject *arg)
{
    PyObject *rest = PyList_GetSlice(arg, 1, PyList_Size(arg));
    if (rest == NULL) {
        return NULL;
    }
    return PyList_AsTuple(rest);
}

static PyObject *
tail_right(PyObject *self, PyObject *arg)
{
    PyObject *rest = PyList_GetSlice(arg, 1, PyList_Size(arg));
    if (rest == NULL) {
        return NULL;
    }
    PyObject *result = PyList_AsTuple(rest);
    Py_DECREF(rest);
    return result;
}

/* Sets the slot to NULL before the resize, so the resize does not release the item. */
static PyObject *
shorten_wrong(PyObject *self, PyObject *arg)
{
    PyObject *result = Py_BuildValue("(sN)", "kept", PyUnicode_FromFormat("dropped %S", arg));
    if (result == NULL) {
        return NULL;
    }
    PyTuple_SET_ITEM(result, 1, NULL);
    if (_PyTuple_Resize(&result, 1) < 0) {
        return NULL;
    }
    return result;
}

static PyObject *
shorten_right(PyObject *self, PyObject *arg)
{
    PyObject *result = Py_BuildValue("(sN)", "kept", PyUnicode_FromFormat("dropped %S", arg));
    if (result == NULL) {
        return NULL;
    }
    if (_PyTuple_Resize(&result, 1) < 0) {
        return NULL;
    }
    return result;
}

static PyMethodDef functions[] = {
    PAIR(head, METH_O),
    PAIR(last, METH_O),
    PAIR(lookup, METH_VARARGS),
    PAIR(remembered, METH_VARARGS),
    PAIR(sizes, METH_O),
    PAIR(ends, METH_O),
    PAIR(third, METH_O),
    PAIR(has_colour, METH_O),
    PAIR(count_items, METH_O),
    PAIR(drop_one, METH_O),
    PAIR(tail, METH_O),
    PAIR(shorten, METH_O),
    {NULL, NULL, 0, NULL},
};

int
add_items(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
