# cython: language_level=3, binding=False
"""Mistakes that Cython lets one make: it counts for you, until C's own view of an object is involved."""

from cpython.ref cimport PyObject, Py_DECREF, Py_INCREF, Py_XDECREF

# Cython counts no references to a pointer type.
cdef extern from "Python.h":
    PyObject *new_float "PyFloat_FromDouble"(double value)
    PyObject *new_repr "PyObject_Repr"(object thing) except NULL
    PyObject *lent_item "PyList_GetItem"(object list, Py_ssize_t index) except NULL

# This declaration promises a new reference, but PyList_GetItem returns a borrowed one.
cdef extern from "Python.h":
    object given_item "PyList_GetItem"(object list, Py_ssize_t index)


# A cast to <object> takes a second reference, so the new one of the C function leaks.
def half_wrong(double number):
    return <object>new_float(number / 2)


def half_right(double number):
    cdef PyObject *made = new_float(number / 2)
    result = <object>made
    Py_DECREF(result)
    return result


# Because of the declaration, Cython releases a borrowed reference.
def head_wrong(list items):
    return given_item(items, 0)


def head_right(list items):
    return <object>lent_item(items, 0)


# The reference that was given to C as a context is never released.
cdef void *context_wrong
cdef void *context_right = NULL


def set_context_wrong(thing):
    global context_wrong
    Py_INCREF(thing)
    context_wrong = <void *>thing


def set_context_right(thing):
    global context_right
    Py_INCREF(thing)
    if context_right != NULL:
        Py_DECREF(<object>context_right)
    context_right = <void *>thing


# Cython does not release a pointer in an extension type.
cdef class Cached_wrong:
    cdef PyObject *text

    def __cinit__(self, thing):
        self.text = new_repr(thing)


cdef class Cached_right:
    cdef PyObject *text

    def __cinit__(self, thing):
        self.text = new_repr(thing)

    def __dealloc__(self):
        Py_XDECREF(self.text)


# Releases an argument, which Cython counts.
def finish_wrong(thing):
    Py_DECREF(thing)
    return None


def finish_right(thing):
    return None


# The exception skips the release.
def checked_wrong(thing):
    Py_INCREF(thing)
    if not isinstance(thing, int):
        raise TypeError("an int is wanted")
    Py_DECREF(thing)


def checked_right(thing):
    Py_INCREF(thing)
    try:
        if not isinstance(thing, int):
            raise TypeError("an int is wanted")
    finally:
        Py_DECREF(thing)
