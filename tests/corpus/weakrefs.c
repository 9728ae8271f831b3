/* Weak references, capsules and other objects that stand for another object. */
#include "corpus.h"

#include <datetime.h>

/* Each weak reference with a callback is a new object. */
static PyObject *
watch_wrong(PyObject *self, PyObject *args)
{
    PyObject *target, *callback;
    if (!PyArg_ParseTuple(args, "OO", &target, &callback)) {
        return NULL;
    }
    if (PyWeakref_NewRef(target, callback) == NULL) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
watch_right(PyObject *self, PyObject *args)
{
    PyObject *target, *callback;
    if (!PyArg_ParseTuple(args, "OO", &target, &callback)) {
        return NULL;
    }
    PyObject *reference = PyWeakref_NewRef(target, callback);
    if (reference == NULL) {
        return NULL;
    }
    Py_DECREF(reference);
    Py_RETURN_NONE;
}

/* Proxies without a callback are shared: each call returns one more reference to the same proxy. */
static PyObject *
stand_in_wrong(PyObject *self, PyObject *arg)
{
    PyObject *proxy = PyWeakref_NewProxy(arg, NULL);
    if (proxy == NULL) {
        return NULL;
    }
    return PyObject_GetAttrString(proxy, "name");
}

static PyObject *
stand_in_right(PyObject *self, PyObject *arg)
{
    PyObject *proxy = PyWeakref_NewProxy(arg, NULL);
    if (proxy == NULL) {
        return NULL;
    }
    PyObject *name = PyObject_GetAttrString(proxy, "name");
    Py_DECREF(proxy);
    return name;
}

/* A call of a weak reference returns a new reference to its target. */
static PyObject *
is_alive_wrong(PyObject *self, PyObject *arg)
{
    PyObject *target = PyObject_CallFunctionObjArgs(arg, NULL);
    if (target == NULL) {
        return NULL;
    }
    return PyBool_FromLong(target != Py_None);
}

static PyObject *
is_alive_right(PyObject *self, PyObject *arg)
{
    PyObject *target = PyObject_CallFunctionObjArgs(arg, NULL);
    if (target == NULL) {
        return NULL;
    }
    int alive = target != Py_None;
    Py_DECREF(target);
    return PyBool_FromLong(alive);
}

/* PyWeakref_GetObject, used up to 3.12, returns a borrowed reference. */
#if PY_VERSION_HEX < 0x030D0000
static PyObject *
target_name_wrong(PyObject *self, PyObject *arg)
{
    PyObject *target = PyWeakref_GetObject(arg);
    if (target == NULL) {
        return NULL;
    }
    PyObject *name = PyObject_GetAttrString(target, "name");
    Py_DECREF(target);
    return name;
}

static PyObject *
target_name_right(PyObject *self, PyObject *arg)
{
    PyObject *target = PyWeakref_GetObject(arg);
    if (target == NULL) {
        return NULL;
    }
    return PyObject_GetAttrString(target, "name");
}
#endif

static PyObject *
handle_wrong(PyObject *self, PyObject *unused)
{
    PyObject *capsule = PyCapsule_New((void *)&handle_wrong, "corpus.handle", NULL);
    if (capsule == NULL) {
        return NULL;
    }
    return PyBool_FromLong(PyCapsule_IsValid(capsule, "corpus.handle"));
}

static PyObject *
handle_right(PyObject *self, PyObject *unused)
{
    PyObject *capsule = PyCapsule_New((void *)&handle_right, "corpus.handle", NULL);
    if (capsule == NULL) {
        return NULL;
    }
    int valid = PyCapsule_IsValid(capsule, "corpus.handle");
    Py_DECREF(capsule);
    return PyBool_FromLong(valid);
}

/* The capsule owns a reference; the wrong one has no destructor to release it. */
static void
release_parcel(PyObject *capsule)
{
    Py_XDECREF((PyObject *)PyCapsule_GetPointer(capsule, "corpus.parcel"));
}

static PyObject *
parcel_wrong(PyObject *self, PyObject *arg)
{
    PyObject *capsule = PyCapsule_New(arg, "corpus.parcel", NULL);
    if (capsule != NULL) {
        Py_INCREF(arg);
    }
    return capsule;
}

static PyObject *
parcel_right(PyObject *self, PyObject *arg)
{
    PyObject *capsule = PyCapsule_New(arg, "corpus.parcel", release_parcel);
    if (capsule != NULL) {
        Py_INCREF(arg);
    }
    return capsule;
}

/* A memory view holds its exporter until it dies. */
static PyObject *
is_contiguous_wrong(PyObject *self, PyObject *arg)
{
    PyObject *view = PyMemoryView_FromObject(arg);
    if (view == NULL) {
        return NULL;
    }
    return PyBool_FromLong(PyBuffer_IsContiguous(PyMemoryView_GET_BUFFER(view), 'C'));
}

static PyObject *
is_contiguous_right(PyObject *self, PyObject *arg)
{
    PyObject *view = PyMemoryView_FromObject(arg);
    if (view == NULL) {
        return NULL;
    }
    int contiguous = PyBuffer_IsContiguous(PyMemoryView_GET_BUFFER(view), 'C');
    Py_DECREF(view);
    return PyBool_FromLong(contiguous);
}

/* The slice made for one subscription leaks. */
static PyObject *
middle_wrong(PyObject *self, PyObject *arg)
{
    PyObject *slice = PySlice_New(NULL, NULL, NULL);
    if (slice == NULL) {
        return NULL;
    }
    return PyObject_GetItem(arg, slice);
}

static PyObject *
middle_right(PyObject *self, PyObject *arg)
{
    PyObject *slice = PySlice_New(NULL, NULL, NULL);
    if (slice == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_GetItem(arg, slice);
    Py_DECREF(slice);
    return result;
}

/* The timedelta is a new object; the addition does not steal it. */
static PyObject *
tomorrow_wrong(PyObject *self, PyObject *arg)
{
    PyObject *day = PyDelta_FromDSU(1, 0, 0);
    if (day == NULL) {
        return NULL;
    }
    return PyNumber_Add(arg, day);
}

static PyObject *
tomorrow_right(PyObject *self, PyObject *arg)
{
    PyObject *day = PyDelta_FromDSU(1, 0, 0);
    if (day == NULL) {
        return NULL;
    }
    PyObject *result = PyNumber_Add(arg, day);
    Py_DECREF(day);
    return result;
}

static PyMethodDef functions[] = {
    PAIR(watch, METH_VARARGS),
    PAIR(stand_in, METH_O),
    PAIR(is_alive, METH_O),
#if PY_VERSION_HEX < 0x030D0000
    PAIR(target_name, METH_O),
#endif
    PAIR(handle, METH_NOARGS),
    PAIR(parcel, METH_O),
    PAIR(is_contiguous, METH_O),
    PAIR(middle, METH_O),
    PAIR(tomorrow, METH_O),
    {NULL, NULL, 0, NULL},
};

int
add_weakrefs(PyObject *module)
{
    PyDateTime_IMPORT;
    return PyDateTimeAPI == NULL ? -1 : PyModule_AddFunctions(module, functions);
}
