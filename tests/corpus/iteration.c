/* Iterators, what they yield, and what is made by running code. */
#include "corpus.h"

/* The items are released, the iterator isn't. */
static PyObject *
total_wrong(PyObject *self, PyObject *arg)
{
    PyObject *iterator = PyObject_GetIter(arg);
    PyObject *item;
    Py_ssize_t total = 0;
    if (iterator == NULL) {
        return NULL;
    }
    while ((item = PyIter_Next(iterator)) != NULL) {
        total += PyObject_Length(item);
        Py_DECREF(item);
    }
    return PyErr_Occurred() ? NULL : PyLong_FromSsize_t(total);
}

static PyObject *
total_right(PyObject *self, PyObject *arg)
{
    PyObject *iterator = PyObject_GetIter(arg);
    PyObject *item;
    Py_ssize_t total = 0;
    if (iterator == NULL) {
        return NULL;
    }
    while ((item = PyIter_Next(iterator)) != NULL) {
        total += PyObject_Length(item);
        Py_DECREF(item);
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? NULL : PyLong_FromSsize_t(total);
}

/* The iterator is released, the items aren't. */
static PyObject *
longest_wrong(PyObject *self, PyObject *arg)
{
    PyObject *iterator = PyObject_GetIter(arg);
    PyObject *item;
    Py_ssize_t longest = 0;
    if (iterator == NULL) {
        return NULL;
    }
    while ((item = PyIter_Next(iterator)) != NULL) {
        Py_ssize_t length = PyObject_Length(item);
        longest = length > longest ? length : longest;
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? NULL : PyLong_FromSsize_t(longest);
}

static PyObject *
longest_right(PyObject *self, PyObject *arg)
{
    PyObject *iterator = PyObject_GetIter(arg);
    PyObject *item;
    Py_ssize_t longest = 0;
    if (iterator == NULL) {
        return NULL;
    }
    while ((item = PyIter_Next(iterator)) != NULL) {
        Py_ssize_t length = PyObject_Length(item);
        longest = length > longest ? length : longest;
        Py_DECREF(item);
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? NULL : PyLong_FromSsize_t(longest);
}

/* The loop is left with the found item still in hand. */
static PyObject *
contains_wrong(PyObject *self, PyObject *arg)
{
    PyObject *iterator = PyObject_GetIter(arg);
    PyObject *item;
    int found = 0;
    if (iterator == NULL) {
        return NULL;
    }
    while ((item = PyIter_Next(iterator)) != NULL) {
        if (PyObject_Length(item) > 4) {
            found = 1;
            break;
        }
        Py_DECREF(item);
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(found);
}

static PyObject *
contains_right(PyObject *self, PyObject *arg)
{
    PyObject *iterator = PyObject_GetIter(arg);
    PyObject *item;
    int found = 0;
    if (iterator == NULL) {
        return NULL;
    }
    while ((item = PyIter_Next(iterator)) != NULL) {
        found = PyObject_Length(item) > 4;
        Py_DECREF(item);
        if (found) {
            break;
        }
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(found);
}

/* PySequence_Fast makes a list of what is neither a list nor a tuple. */
static PyObject *
how_many_wrong(PyObject *self, PyObject *arg)
{
    PyObject *fast = PySequence_Fast(arg, "an iterable is wanted");
    if (fast == NULL) {
        return NULL;
    }
    return PyLong_FromSsize_t(PySequence_Fast_GET_SIZE(fast));
}

static PyObject *
how_many_right(PyObject *self, PyObject *arg)
{
    PyObject *fast = PySequence_Fast(arg, "an iterable is wanted");
    if (fast == NULL) {
        return NULL;
    }
    Py_ssize_t size = PySequence_Fast_GET_SIZE(fast);
    Py_DECREF(fast);
    return PyLong_FromSsize_t(size);
}

/* The value is taken from the generator, which is left lying, not finished. */
static PyObject *
first_of_wrong(PyObject *self, PyObject *arg)
{
    PyObject *generator = PyObject_CallFunctionObjArgs(arg, NULL);
    if (generator == NULL) {
        return NULL;
    }
    return PyIter_Next(generator);
}

static PyObject *
first_of_right(PyObject *self, PyObject *arg)
{
    PyObject *generator = PyObject_CallFunctionObjArgs(arg, NULL);
    if (generator == NULL) {
        return NULL;
    }
    PyObject *result = PyIter_Next(generator);
    Py_DECREF(generator);
    return result;
}

/* A coroutine that is closed is an object still. */
static PyObject *
cancel_wrong(PyObject *self, PyObject *arg)
{
    PyObject *coroutine = PyObject_CallFunctionObjArgs(arg, NULL);
    if (coroutine == NULL) {
        return NULL;
    }
    return PyObject_CallMethod(coroutine, "close", NULL);
}

static PyObject *
cancel_right(PyObject *self, PyObject *arg)
{
    PyObject *coroutine = PyObject_CallFunctionObjArgs(arg, NULL);
    if (coroutine == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_CallMethod(coroutine, "close", NULL);
    Py_DECREF(coroutine);
    return result;
}

static PyObject *
compiles_wrong(PyObject *self, PyObject *arg)
{
    const char *source = PyUnicode_AsUTF8(arg);
    if (source == NULL || Py_CompileString(source, "<corpus>", Py_eval_input) == NULL) {
        return NULL;
    }
    return PyLong_FromLong(1);
}

static PyObject *
compiles_right(PyObject *self, PyObject *arg)
{
    const char *source = PyUnicode_AsUTF8(arg);
    if (source == NULL) {
        return NULL;
    }
    PyObject *code = Py_CompileString(source, "<corpus>", Py_eval_input);
    if (code == NULL) {
        return NULL;
    }
    Py_DECREF(code);
    return PyLong_FromLong(1);
}

/* Run for its effect; the result is a reference none the less. */
static PyObject *
execute_wrong(PyObject *self, PyObject *arg)
{
    if (PyRun_String("[0.5]", Py_eval_input, arg, arg) == NULL) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
execute_right(PyObject *self, PyObject *arg)
{
    PyObject *result = PyRun_String("[0.5]", Py_eval_input, arg, arg);
    if (result == NULL) {
        return NULL;
    }
    Py_DECREF(result);
    Py_RETURN_NONE;
}

/* Up to 3.8 a thread's frame is lent, and there is nothing to forget. */
#if PY_VERSION_HEX >= 0x03090000
static PyObject *
caller_line_wrong(PyObject *self, PyObject *unused)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    return PyLong_FromLong(PyFrame_GetLineNumber(frame));
}

static PyObject *
caller_line_right(PyObject *self, PyObject *unused)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    int line = PyFrame_GetLineNumber(frame);
    Py_DECREF(frame);
    return PyLong_FromLong(line);
}

static PyObject *
caller_code_wrong(PyObject *self, PyObject *unused)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyObject *code = (PyObject *)PyFrame_GetCode(frame);
    Py_DECREF(frame);
    return PyObject_GetAttrString(code, "co_name");
}

static PyObject *
caller_code_right(PyObject *self, PyObject *unused)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyObject *code = (PyObject *)PyFrame_GetCode(frame);
    Py_DECREF(frame);
    PyObject *name = PyObject_GetAttrString(code, "co_name");
    Py_DECREF(code);
    return name;
}
#endif

static PyMethodDef functions[] = {
    PAIR(total, METH_O),
    PAIR(longest, METH_O),
    PAIR(contains, METH_O),
    PAIR(how_many, METH_O),
    PAIR(first_of, METH_O),
    PAIR(cancel, METH_O),
    PAIR(compiles, METH_O),
    PAIR(execute, METH_O),
#if PY_VERSION_HEX >= 0x03090000
    PAIR(caller_line, METH_NOARGS),
    PAIR(caller_code, METH_NOARGS),
#endif
    {NULL, NULL, 0, NULL},
};

int
add_iteration(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
