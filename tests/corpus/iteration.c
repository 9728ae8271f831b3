/* Iterators, their items, and objects made by running code. */
#include "corpus.h"

/* The items are released, but the iterator is not. */
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

/* The iterator is released, but the items are not. */
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

/* Leaves the loop without releasing the found item. */
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

/* PySequence_Fast makes a new list if its argument is neither a list nor a tuple. */
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

/* Takes one value from a generator and never releases the generator. */
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

/* A closed coroutine must still be released. */
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

/* Code that is run only for its effect also has a result to release. */
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

/* PyThreadState_GetFrame is new in 3.9. Up to 3.8 a thread's frame is a borrowed reference. */
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
