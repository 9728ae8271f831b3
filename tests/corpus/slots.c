/* The results of a type's slots, and the objects that they make meanwhile. */
#include "corpus.h"

#include <stddef.h>

typedef struct {
    PyObject_HEAD
    PyObject *value;
} Holder;

static PyObject *
holder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *value;
    if (!PyArg_ParseTuple(args, "O", &value)) {
        return NULL;
    }
    Holder *self = (Holder *)type->tp_alloc(type, 0);
    if (self != NULL) {
        Py_INCREF(value);
        self->value = value;
    }
    return (PyObject *)self;
}

static void
holder_dealloc(PyObject *self)
{
    Py_CLEAR(((Holder *)self)->value);
    Py_TYPE(self)->tp_free(self);
}

/* The types of a pair differ in one slot. */
#define HOLDER(variable, name, ...)              \
    static PyTypeObject variable = {             \
        PyVarObject_HEAD_INIT(NULL, 0)           \
        .tp_name = "corpus." name,               \
        .tp_basicsize = sizeof(Holder),          \
        .tp_flags = Py_TPFLAGS_DEFAULT,          \
        .tp_new = holder_new,                    \
        .tp_dealloc = holder_dealloc,            \
        __VA_ARGS__                              \
    }

/* A slot must return a new reference, also to NotImplemented. */
static PyObject *
version_compare_wrong(PyObject *self, PyObject *other, int op)
{
    if (Py_TYPE(self) != Py_TYPE(other)) {
        return Py_NotImplemented;
    }
    return PyObject_RichCompare(((Holder *)self)->value, ((Holder *)other)->value, op);
}

static PyObject *
version_compare_right(PyObject *self, PyObject *other, int op)
{
    if (Py_TYPE(self) != Py_TYPE(other)) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    return PyObject_RichCompare(((Holder *)self)->value, ((Holder *)other)->value, op);
}

HOLDER(Version_wrong, "Version", .tp_richcompare = version_compare_wrong);
HOLDER(Version_right, "Version", .tp_richcompare = version_compare_right);

/* tp_iter of an iterator returns the iterator itself, as a new reference. */
static PyObject *
stream_iter_wrong(PyObject *self)
{
    return self;
}

static PyObject *
stream_iter_right(PyObject *self)
{
    Py_INCREF(self);
    return self;
}

static PyObject *
stream_next(PyObject *self)
{
    return NULL;
}

HOLDER(Stream_wrong, "Stream", .tp_iter = stream_iter_wrong, .tp_iternext = stream_next);
HOLDER(Stream_right, "Stream", .tp_iter = stream_iter_right, .tp_iternext = stream_next);

/* PySequence_GetItem already returns a new reference. */
static PyObject *
again_next_wrong(PyObject *self)
{
    PyObject *item = PySequence_GetItem(((Holder *)self)->value, 0);
    Py_XINCREF(item);
    return item;
}

static PyObject *
again_next_right(PyObject *self)
{
    return PySequence_GetItem(((Holder *)self)->value, 0);
}

HOLDER(Again_wrong, "Again", .tp_iter = PyObject_SelfIter, .tp_iternext = again_next_wrong);
HOLDER(Again_right, "Again", .tp_iter = PyObject_SelfIter, .tp_iternext = again_next_right);

/* sq_item must return a new reference; PyList_GetItem returns a borrowed one. */
static PyObject *
row_item_wrong(PyObject *self, Py_ssize_t index)
{
    return PyList_GetItem(((Holder *)self)->value, index);
}

static PyObject *
row_item_right(PyObject *self, Py_ssize_t index)
{
    PyObject *item = PyList_GetItem(((Holder *)self)->value, index);
    Py_XINCREF(item);
    return item;
}

static PySequenceMethods row_wrong = {.sq_item = row_item_wrong};
static PySequenceMethods row_right = {.sq_item = row_item_right};

HOLDER(Row_wrong, "Row", .tp_as_sequence = &row_wrong);
HOLDER(Row_right, "Row", .tp_as_sequence = &row_right);

/* The tuple made for the hash is never released. */
static Py_hash_t
person_hash_wrong(PyObject *self)
{
    PyObject *key = Py_BuildValue("(sO)", "person", ((Holder *)self)->value);
    return key == NULL ? -1 : PyObject_Hash(key);
}

static Py_hash_t
person_hash_right(PyObject *self)
{
    PyObject *key = Py_BuildValue("(sO)", "person", ((Holder *)self)->value);
    if (key == NULL) {
        return -1;
    }
    Py_hash_t hash = PyObject_Hash(key);
    Py_DECREF(key);
    return hash;
}

HOLDER(Person_wrong, "Person", .tp_hash = person_hash_wrong);
HOLDER(Person_right, "Person", .tp_hash = person_hash_right);

/* A buffer holds its exporter: view->obj needs a reference, because PyBuffer_Release releases one. */
static int
samples_buffer_wrong(PyObject *self, Py_buffer *view, int flags)
{
    static char samples[16];
    if (PyBuffer_FillInfo(view, NULL, samples, sizeof(samples), 1, flags) < 0) {
        return -1;
    }
    view->obj = self;
    return 0;
}

static int
samples_buffer_right(PyObject *self, Py_buffer *view, int flags)
{
    static char samples[16];
    return PyBuffer_FillInfo(view, self, samples, sizeof(samples), 1, flags);
}

static PyBufferProcs samples_wrong = {.bf_getbuffer = samples_buffer_wrong};
static PyBufferProcs samples_right = {.bf_getbuffer = samples_buffer_right};

HOLDER(Samples_wrong, "Samples", .tp_as_buffer = &samples_wrong);
HOLDER(Samples_right, "Samples", .tp_as_buffer = &samples_right);

/* Looks up another name if the normal lookup fails: the error is cleared, but the new name is not released. */
static PyObject *
lazy_getattro_wrong(PyObject *self, PyObject *name)
{
    PyObject *full = PyUnicode_FromFormat("lazy_%U", name);
    if (full == NULL) {
        return NULL;
    }
    return PyObject_GetItem(((Holder *)self)->value, full);
}

static PyObject *
lazy_getattro_right(PyObject *self, PyObject *name)
{
    PyObject *full = PyUnicode_FromFormat("lazy_%U", name);
    if (full == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_GetItem(((Holder *)self)->value, full);
    Py_DECREF(full);
    return result;
}

HOLDER(Lazy_wrong, "Lazy", .tp_getattro = lazy_getattro_wrong);
HOLDER(Lazy_right, "Lazy", .tp_getattro = lazy_getattro_right);

/* tp_dealloc must release the instance's dictionary too. */
typedef struct {
    PyObject_HEAD
    PyObject *dict;
} Namespace;

static void
namespace_dealloc_wrong(PyObject *self)
{
    Py_TYPE(self)->tp_free(self);
}

static void
namespace_dealloc_right(PyObject *self)
{
    Py_CLEAR(((Namespace *)self)->dict);
    Py_TYPE(self)->tp_free(self);
}

static PyTypeObject Namespace_wrong = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Namespace",
    .tp_basicsize = sizeof(Namespace),
    .tp_dictoffset = offsetof(Namespace, dict),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = namespace_dealloc_wrong,
};

static PyTypeObject Namespace_right = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Namespace",
    .tp_basicsize = sizeof(Namespace),
    .tp_dictoffset = offsetof(Namespace, dict),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = namespace_dealloc_right,
};

int
add_slots(PyObject *module)
{
    if (add_types(module, "Version", &Version_wrong, &Version_right) < 0 ||
        add_types(module, "Stream", &Stream_wrong, &Stream_right) < 0 ||
        add_types(module, "Again", &Again_wrong, &Again_right) < 0 ||
        add_types(module, "Row", &Row_wrong, &Row_right) < 0 ||
        add_types(module, "Person", &Person_wrong, &Person_right) < 0 ||
        add_types(module, "Samples", &Samples_wrong, &Samples_right) < 0 ||
        add_types(module, "Lazy", &Lazy_wrong, &Lazy_right) < 0 ||
        add_types(module, "Namespace", &Namespace_wrong, &Namespace_right) < 0) {
        return -1;
    }
    return 0;
}
