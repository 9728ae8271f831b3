/* Calls back into Python: objects made for the call, results of the call, and stored callbacks. */
#include "corpus.h"

static PyObject *
notify_wrong(PyObject *self, PyObject *arg)
{
    PyObject *args = Py_BuildValue("(is)", 3, "changed");
    if (args == NULL) {
        return NULL;
    }
    return PyObject_CallObject(arg, args);
}

static PyObject *
notify_right(PyObject *self, PyObject *arg)
{
    PyObject *args = Py_BuildValue("(is)", 3, "changed");
    if (args == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_CallObject(arg, args);
    Py_DECREF(args);
    return result;
}

/* The copy of the keywords must be released after the call. */
static PyObject *
forward_wrong(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *callback, *rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    PyObject *keywords = kwargs == NULL ? PyDict_New() : PyDict_Copy(kwargs);
    PyObject *result = NULL;
    callback = PyTuple_GetItem(args, 0);
    if (callback != NULL && rest != NULL && keywords != NULL) {
        result = PyObject_Call(callback, rest, keywords);
    }
    Py_XDECREF(rest);
    return result;
}

static PyObject *
forward_right(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *callback, *rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    PyObject *keywords = kwargs == NULL ? PyDict_New() : PyDict_Copy(kwargs);
    PyObject *result = NULL;
    callback = PyTuple_GetItem(args, 0);
    if (callback != NULL && rest != NULL && keywords != NULL) {
        result = PyObject_Call(callback, rest, keywords);
    }
    Py_XDECREF(rest);
    Py_XDECREF(keywords);
    return result;
}

/* The author believed that the callback returns nothing; the result leaks. */
static PyObject *
fire_wrong(PyObject *self, PyObject *arg)
{
    PyObject_CallFunction(arg, "i", 3);
    if (PyErr_Occurred()) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
fire_right(PyObject *self, PyObject *arg)
{
    Py_XDECREF(PyObject_CallFunction(arg, "i", 3));
    if (PyErr_Occurred()) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* pop returns a new reference to the removed value, which leaks. */
static PyObject *
forget_wrong(PyObject *self, PyObject *args)
{
    PyObject *mapping, *key;
    if (!PyArg_ParseTuple(args, "OO", &mapping, &key)) {
        return NULL;
    }
    if (PyObject_CallMethod(mapping, "pop", "O", key) == NULL) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
forget_right(PyObject *self, PyObject *args)
{
    PyObject *mapping, *key;
    if (!PyArg_ParseTuple(args, "OO", &mapping, &key)) {
        return NULL;
    }
    PyObject *value = PyObject_CallMethod(mapping, "pop", "O", key);
    if (value == NULL) {
        return NULL;
    }
    Py_DECREF(value);
    Py_RETURN_NONE;
}

/* "O" does not steal, so the string made in the argument list leaks. */
static PyObject *
report_wrong(PyObject *self, PyObject *arg)
{
    return PyObject_CallFunction(arg, "(O)", PyUnicode_FromFormat("%d per cent", 50));
}

static PyObject *
report_right(PyObject *self, PyObject *arg)
{
    return PyObject_CallFunction(arg, "(N)", PyUnicode_FromFormat("%d per cent", 50));
}

/* PyObject_CallFunctionObjArgs does not steal either. */
static PyObject *
tick_wrong(PyObject *self, PyObject *arg)
{
    return PyObject_CallFunctionObjArgs(arg, PyFloat_FromDouble(0.125), NULL);
}

static PyObject *
tick_right(PyObject *self, PyObject *arg)
{
    PyObject *seconds = PyFloat_FromDouble(0.125);
    if (seconds == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_CallFunctionObjArgs(arg, seconds, NULL);
    Py_DECREF(seconds);
    return result;
}

/* Looking up a method makes a new bound method. */
static PyObject *
flush_wrong(PyObject *self, PyObject *arg)
{
    PyObject *method = PyObject_GetAttrString(arg, "flush");
    if (method == NULL) {
        return NULL;
    }
    return PyObject_CallFunctionObjArgs(method, NULL);
}

static PyObject *
flush_right(PyObject *self, PyObject *arg)
{
    PyObject *method = PyObject_GetAttrString(arg, "flush");
    if (method == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_CallFunctionObjArgs(method, NULL);
    Py_DECREF(method);
    return result;
}

/* A lookup that only tests whether the attribute exists also returns a new reference. */
static PyObject *
has_close_wrong(PyObject *self, PyObject *arg)
{
    if (PyObject_GetAttrString(arg, "close") == NULL) {
        PyErr_Clear();
        return PyLong_FromLong(0);
    }
    return PyLong_FromLong(1);
}

static PyObject *
has_close_right(PyObject *self, PyObject *arg)
{
    PyObject *close = PyObject_GetAttrString(arg, "close");
    if (close == NULL) {
        PyErr_Clear();
        return PyLong_FromLong(0);
    }
    Py_DECREF(close);
    return PyLong_FromLong(1);
}

/* The replaced callback is never released. */
static PyObject *on_change_callback_wrong, *on_change_callback_right;

static PyObject *
on_change_wrong(PyObject *self, PyObject *arg)
{
    Py_INCREF(arg);
    on_change_callback_wrong = arg;
    Py_RETURN_NONE;
}

static PyObject *
on_change_right(PyObject *self, PyObject *arg)
{
    Py_INCREF(arg);
    Py_XSETREF(on_change_callback_right, arg);
    Py_RETURN_NONE;
}

/* Stores the callback without taking a reference, but releases the replaced one. */
static PyObject *on_close_callback_wrong, *on_close_callback_right;

static PyObject *
on_close_wrong(PyObject *self, PyObject *arg)
{
    Py_XDECREF(on_close_callback_wrong);
    on_close_callback_wrong = arg;
    Py_RETURN_NONE;
}

static PyObject *
on_close_right(PyObject *self, PyObject *arg)
{
    Py_XDECREF(on_close_callback_right);
    Py_INCREF(arg);
    on_close_callback_right = arg;
    Py_RETURN_NONE;
}

static PyObject *
answer(PyObject *self, PyObject *unused)
{
    Py_INCREF(self);
    return self;
}

static PyMethodDef answer_definition = {"answer", answer, METH_NOARGS, NULL};

/* A function made for one registration holds a reference to the object that it is bound to. */
static PyObject *
subscribe_wrong(PyObject *self, PyObject *args)
{
    PyObject *subscribers, *owner;
    if (!PyArg_ParseTuple(args, "OO", &subscribers, &owner)) {
        return NULL;
    }
    PyObject *function = PyCFunction_New(&answer_definition, owner);
    if (function == NULL || PyObject_SetItem(subscribers, owner, function) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
subscribe_right(PyObject *self, PyObject *args)
{
    PyObject *subscribers, *owner;
    if (!PyArg_ParseTuple(args, "OO", &subscribers, &owner)) {
        return NULL;
    }
    PyObject *function = PyCFunction_New(&answer_definition, owner);
    if (function == NULL || PyObject_SetItem(subscribers, owner, function) < 0) {
        Py_XDECREF(function);
        return NULL;
    }
    Py_DECREF(function);
    Py_RETURN_NONE;
}

/* PyContextVar_Get stores a new reference. */
static PyObject *
current_wrong(PyObject *self, PyObject *arg)
{
    PyObject *value;
    if (PyContextVar_Get(arg, NULL, &value) < 0) {
        return NULL;
    }
    return PyBool_FromLong(value != NULL);
}

static PyObject *
current_right(PyObject *self, PyObject *arg)
{
    PyObject *value;
    if (PyContextVar_Get(arg, NULL, &value) < 0) {
        return NULL;
    }
    Py_XDECREF(value);
    return PyBool_FromLong(value != NULL);
}

/* PyContextVar_Set returns a new token. */
static PyObject *
enter_wrong(PyObject *self, PyObject *arg)
{
    if (PyContextVar_Set(arg, Py_None) == NULL) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
enter_right(PyObject *self, PyObject *arg)
{
    PyObject *token = PyContextVar_Set(arg, Py_None);
    if (token == NULL) {
        return NULL;
    }
    Py_DECREF(token);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    PAIR(notify, METH_O),
    PAIR(forward, METH_VARARGS | METH_KEYWORDS),
    PAIR(fire, METH_O),
    PAIR(forget, METH_VARARGS),
    PAIR(report, METH_O),
    PAIR(tick, METH_O),
    PAIR(flush, METH_O),
    PAIR(has_close, METH_O),
    PAIR(on_change, METH_O),
    PAIR(on_close, METH_O),
    PAIR(subscribe, METH_VARARGS),
    PAIR(current, METH_O),
    PAIR(enter, METH_O),
    {NULL, NULL, 0, NULL},
};

int
add_callbacks(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
