/* Strings and bytes. */
#include "corpus.h"

/* The bytes object must be released after the last use of the pointer into it. */
static PyObject *
encoded_size_wrong(PyObject *self, PyObject *arg)
{
    PyObject *bytes = PyUnicode_AsUTF8String(arg);
    if (bytes == NULL) {
        return NULL;
    }
    const char *text = PyBytes_AS_STRING(bytes);
    return PyLong_FromSize_t(strlen(text));
}

static PyObject *
encoded_size_right(PyObject *self, PyObject *arg)
{
    PyObject *bytes = PyUnicode_AsUTF8String(arg);
    if (bytes == NULL) {
        return NULL;
    }
    const char *text = PyBytes_AS_STRING(bytes);
    PyObject *result = PyLong_FromSize_t(strlen(text));
    Py_DECREF(bytes);
    return result;
}

/* PyUnicode_InternInPlace replaces the string with the shared one, and the caller owns that reference. */
static PyObject *
symbol_wrong(PyObject *self, PyObject *arg)
{
    PyObject *name = PyUnicode_FromFormat("symbol_%S", arg);
    if (name == NULL) {
        return NULL;
    }
    PyUnicode_InternInPlace(&name);
    Py_INCREF(name);
    return name;
}

static PyObject *
symbol_right(PyObject *self, PyObject *arg)
{
    PyObject *name = PyUnicode_FromFormat("symbol_%S", arg);
    if (name == NULL) {
        return NULL;
    }
    PyUnicode_InternInPlace(&name);
    return name;
}

/* The separator made in the argument list leaks. */
static PyObject *
listing_wrong(PyObject *self, PyObject *arg)
{
    return PyUnicode_Join(PyUnicode_FromString(", "), arg);
}

static PyObject *
listing_right(PyObject *self, PyObject *arg)
{
    PyObject *separator = PyUnicode_FromString(", ");
    if (separator == NULL) {
        return NULL;
    }
    PyObject *result = PyUnicode_Join(separator, arg);
    Py_DECREF(separator);
    return result;
}

/* PyUnicode_Concat makes a new string and does not release the old one. */
static PyObject *
repeat_wrong(PyObject *self, PyObject *arg)
{
    PyObject *result = PyUnicode_FromString("->");
    for (int i = 0; result != NULL && i < 3; i++) {
        result = PyUnicode_Concat(result, arg);
    }
    return result;
}

static PyObject *
repeat_right(PyObject *self, PyObject *arg)
{
    PyObject *result = PyUnicode_FromString("->");
    for (int i = 0; result != NULL && i < 3; i++) {
        PyUnicode_Append(&result, arg);
    }
    return result;
}

/* PyBytes_ConcatAndDel steals its second argument; PyBytes_Concat does not. */
static PyObject *
terminated_wrong(PyObject *self, PyObject *arg)
{
    PyObject *result = PyBytes_FromObject(arg);
    PyBytes_Concat(&result, PyBytes_FromString("\r\n"));
    return result;
}

static PyObject *
terminated_right(PyObject *self, PyObject *arg)
{
    PyObject *result = PyBytes_FromObject(arg);
    PyBytes_ConcatAndDel(&result, PyBytes_FromString("\r\n"));
    return result;
}

/* PyObject_Repr returns a new string, and %U does not steal it. */
static PyObject *
label_wrong(PyObject *self, PyObject *arg)
{
    PyObject *text = PyObject_Repr(arg);
    if (text == NULL) {
        return NULL;
    }
    return PyUnicode_FromFormat("<%U>", text);
}

static PyObject *
label_right(PyObject *self, PyObject *arg)
{
    PyObject *text = PyObject_Repr(arg);
    if (text == NULL) {
        return NULL;
    }
    PyObject *result = PyUnicode_FromFormat("<%U>", text);
    Py_DECREF(text);
    return result;
}

static PyMethodDef functions[] = {
    PAIR(encoded_size, METH_O),
    PAIR(symbol, METH_O),
    PAIR(listing, METH_O),
    PAIR(repeat, METH_O),
    PAIR(terminated, METH_O),
    PAIR(label, METH_O),
    {NULL, NULL, 0, NULL},
};

int
add_text(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
