/* Error paths, and references to exceptions. */
#include "corpus.h"

/* The second error path does not release the list. */
static PyObject *
parse_wrong(PyObject *self, PyObject *arg)
{
    PyObject *result = PyList_New(0);
    if (result == NULL) {
        return NULL;
    }
    double value = PyFloat_AsDouble(arg);
    if (value == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    return result;
}

static PyObject *
parse_right(PyObject *self, PyObject *arg)
{
    PyObject *result = PyList_New(0);
    if (result == NULL) {
        return NULL;
    }
    double value = PyFloat_AsDouble(arg);
    if (value == -1.0 && PyErr_Occurred()) {
        Py_DECREF(result);
        return NULL;
    }
    return result;
}

/* Releases the argument where the call fails, and again at the label. */
static PyObject *
convert_wrong(PyObject *self, PyObject *arg)
{
    PyObject *number = NULL;
    Py_INCREF(arg);
    number = PyNumber_Float(arg);
    if (number == NULL) {
        Py_DECREF(arg);
        goto failed;
    }
    Py_DECREF(arg);
    return number;
failed:
    Py_DECREF(arg);
    return NULL;
}

static PyObject *
convert_right(PyObject *self, PyObject *arg)
{
    PyObject *number = NULL;
    Py_INCREF(arg);
    number = PyNumber_Float(arg);
    if (number == NULL) {
        goto failed;
    }
    Py_DECREF(arg);
    return number;
failed:
    Py_DECREF(arg);
    return NULL;
}

/* PyErr_Fetch gives three new references; a function that ignores the error must release them. */
static PyObject *
attempt_wrong(PyObject *self, PyObject *arg)
{
    PyObject *result = PyObject_CallFunctionObjArgs(arg, NULL);
    if (result == NULL) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        return PyLong_FromLong(0);
    }
    return result;
}

static PyObject *
attempt_right(PyObject *self, PyObject *arg)
{
    PyObject *result = PyObject_CallFunctionObjArgs(arg, NULL);
    if (result == NULL) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        return PyLong_FromLong(0);
    }
    return result;
}

/* PyErr_Restore steals all three references, and then the type is released again. */
static PyObject *
cleanup_wrong(PyObject *self, PyObject *arg)
{
    PyObject *result = PyObject_CallFunctionObjArgs(arg, NULL);
    if (result == NULL) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyErr_Restore(type, value, traceback);
        Py_DECREF(type);
    }
    return result;
}

static PyObject *
cleanup_right(PyObject *self, PyObject *arg)
{
    PyObject *result = PyObject_CallFunctionObjArgs(arg, NULL);
    if (result == NULL) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyErr_Restore(type, value, traceback);
    }
    return result;
}

/* PyErr_SetObject takes new references. */
static PyObject *
refuse_wrong(PyObject *self, PyObject *arg)
{
    PyObject *error = PyObject_CallFunction(arg, "s", "no such thing");
    if (error == NULL) {
        return NULL;
    }
    PyErr_SetObject(arg, error);
    return NULL;
}

static PyObject *
refuse_right(PyObject *self, PyObject *arg)
{
    PyObject *error = PyObject_CallFunction(arg, "s", "no such thing");
    if (error == NULL) {
        return NULL;
    }
    PyErr_SetObject(arg, error);
    Py_DECREF(error);
    return NULL;
}

/* PyErr_Occurred returns a borrowed reference. */
static PyObject *
ignore_wrong(PyObject *self, PyObject *arg)
{
    PyObject *result = PyObject_CallFunctionObjArgs(arg, NULL);
    PyObject *error = PyErr_Occurred();
    if (error != NULL) {
        PyErr_Clear();
        Py_DECREF(error);
        return PyLong_FromLong(0);
    }
    return result;
}

static PyObject *
ignore_right(PyObject *self, PyObject *arg)
{
    PyObject *result = PyObject_CallFunctionObjArgs(arg, NULL);
    PyObject *error = PyErr_Occurred();
    if (error != NULL) {
        PyErr_Clear();
        return PyLong_FromLong(0);
    }
    return result;
}

/* Each call makes an exception type, raises it and never releases it. */
static PyObject *
special_wrong(PyObject *self, PyObject *unused)
{
    PyObject *error = PyErr_NewException("corpus.Special", NULL, NULL);
    if (error == NULL) {
        return NULL;
    }
    PyErr_SetString(error, "a special error");
    return NULL;
}

static PyObject *
special_right(PyObject *self, PyObject *unused)
{
    PyObject *error = PyErr_NewException("corpus.Special", NULL, NULL);
    if (error == NULL) {
        return NULL;
    }
    PyErr_SetString(error, "a special error");
    Py_DECREF(error);
    return NULL;
}

/* PyException_SetCause steals. */
static PyObject *
because_wrong(PyObject *self, PyObject *args)
{
    PyObject *error, *cause;
    if (!PyArg_ParseTuple(args, "OO", &error, &cause)) {
        return NULL;
    }
    PyException_SetCause(error, cause);
    Py_RETURN_NONE;
}

static PyObject *
because_right(PyObject *self, PyObject *args)
{
    PyObject *error, *cause;
    if (!PyArg_ParseTuple(args, "OO", &error, &cause)) {
        return NULL;
    }
    Py_INCREF(cause);
    PyException_SetCause(error, cause);
    Py_RETURN_NONE;
}

/* PyException_GetTraceback returns a new reference. */
static PyObject *
was_raised_wrong(PyObject *self, PyObject *arg)
{
    return PyBool_FromLong(PyException_GetTraceback(arg) != NULL);
}

static PyObject *
was_raised_right(PyObject *self, PyObject *arg)
{
    PyObject *traceback = PyException_GetTraceback(arg);
    Py_XDECREF(traceback);
    return PyBool_FromLong(traceback != NULL);
}

static PyMethodDef functions[] = {
    PAIR(parse, METH_O),
    PAIR(convert, METH_O),
    PAIR(attempt, METH_O),
    PAIR(cleanup, METH_O),
    PAIR(refuse, METH_O),
    PAIR(ignore, METH_O),
    PAIR(special, METH_NOARGS),
    PAIR(because, METH_VARARGS),
    PAIR(was_raised, METH_O),
    {NULL, NULL, 0, NULL},
};

int
add_errors(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
