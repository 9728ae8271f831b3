/* A type with one member, and the mistakes of its methods, getter and setter. */
#include "corpus.h"

typedef struct {
    PyObject_HEAD
    PyObject *value;
} Box;

static PyObject *
box_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *value;
    if (!PyArg_ParseTuple(args, "O", &value)) {
        return NULL;
    }
    Box *self = (Box *)type->tp_alloc(type, 0);
    if (self != NULL) {
        Py_INCREF(value);
        self->value = value;
    }
    return (PyObject *)self;
}

static int
box_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((Box *)self)->value);
    return 0;
}

static int
box_clear(PyObject *self)
{
    Py_CLEAR(((Box *)self)->value);
    return 0;
}

static void
box_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    box_clear(self);
    Py_TYPE(self)->tp_free(self);
}

/* The box owns the reference to its member; a getter must return a new one. */
static PyObject *
get_value_wrong(PyObject *self, void *unused)
{
    PyObject *value = ((Box *)self)->value;
    return value == NULL ? Py_None : value;
}

static PyObject *
get_value_right(PyObject *self, void *unused)
{
    PyObject *value = ((Box *)self)->value;
    value = value == NULL ? Py_None : value;
    Py_INCREF(value);
    return value;
}

/* The old value is never released. */
static int
set_value_wrong(PyObject *self, PyObject *value, void *unused)
{
    Py_XINCREF(value);
    ((Box *)self)->value = value;
    return 0;
}

static int
set_value_right(PyObject *self, PyObject *value, void *unused)
{
    PyObject *old = ((Box *)self)->value;
    Py_XINCREF(value);
    ((Box *)self)->value = value;
    Py_XDECREF(old);
    return 0;
}

/* Py_XSETREF releases the old value, but takes no reference to the new one. */
static PyObject *
replace_wrong(PyObject *self, PyObject *arg)
{
    Py_XSETREF(((Box *)self)->value, arg);
    Py_RETURN_NONE;
}

static PyObject *
replace_right(PyObject *self, PyObject *arg)
{
    Py_INCREF(arg);
    Py_XSETREF(((Box *)self)->value, arg);
    Py_RETURN_NONE;
}

/* The member is set to NULL without Py_CLEAR. */
static PyObject *
refill_wrong(PyObject *self, PyObject *arg)
{
    Box *box = (Box *)self;
    box->value = NULL;
    if (PyObject_IsTrue(arg)) {
        Py_INCREF(arg);
        box->value = arg;
    }
    Py_RETURN_NONE;
}

static PyObject *
refill_right(PyObject *self, PyObject *arg)
{
    Box *box = (Box *)self;
    Py_CLEAR(box->value);
    if (PyObject_IsTrue(arg)) {
        Py_INCREF(arg);
        box->value = arg;
    }
    Py_RETURN_NONE;
}

/* A method that returns self, for chained calls, must take a reference to it. */
static PyObject *
chain_wrong(PyObject *self, PyObject *unused)
{
    return self;
}

static PyObject *
chain_right(PyObject *self, PyObject *unused)
{
    Py_INCREF(self);
    return self;
}

static PyMethodDef box_methods[] = {
    PAIR(replace, METH_O),
    PAIR(refill, METH_O),
    PAIR(chain, METH_NOARGS),
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef box_properties[] = {
    {"value_wrong", get_value_wrong, set_value_wrong, NULL, NULL},
    {"value_right", get_value_right, set_value_right, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject Box_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Box",
    .tp_basicsize = sizeof(Box),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = box_new,
    .tp_dealloc = box_dealloc,
    .tp_traverse = box_traverse,
    .tp_clear = box_clear,
    .tp_methods = box_methods,
    .tp_getset = box_properties,
};

/* tp_dealloc does not release the member. */
static void
forgetful_dealloc_wrong(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_TYPE(self)->tp_free(self);
}

static PyTypeObject Forgetful_wrong = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Forgetful",
    .tp_basicsize = sizeof(Box),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = box_new,
    .tp_dealloc = forgetful_dealloc_wrong,
    .tp_traverse = box_traverse,
    .tp_clear = box_clear,
};

static PyTypeObject Forgetful_right = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Forgetful",
    .tp_basicsize = sizeof(Box),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = box_new,
    .tp_dealloc = box_dealloc,
    .tp_traverse = box_traverse,
    .tp_clear = box_clear,
};

/* tp_init may be called again; the old value must be released then. */
static int
account_init_wrong(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *value;
    if (!PyArg_ParseTuple(args, "O", &value)) {
        return -1;
    }
    Py_INCREF(value);
    ((Box *)self)->value = value;
    return 0;
}

static int
account_init_right(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *value;
    if (!PyArg_ParseTuple(args, "O", &value)) {
        return -1;
    }
    Py_INCREF(value);
    Py_XSETREF(((Box *)self)->value, value);
    return 0;
}

static PyTypeObject Account_wrong = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Account",
    .tp_basicsize = sizeof(Box),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = account_init_wrong,
    .tp_dealloc = box_dealloc,
    .tp_traverse = box_traverse,
    .tp_clear = box_clear,
};

static PyTypeObject Account_right = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Account",
    .tp_basicsize = sizeof(Box),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = account_init_right,
    .tp_dealloc = box_dealloc,
    .tp_traverse = box_traverse,
    .tp_clear = box_clear,
};

/* tp_new has made the object before it refuses the argument, and must release it. */
static PyObject *
strict_new_wrong(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    Box *self = (Box *)type->tp_alloc(type, 0);
    PyObject *value;
    if (self == NULL || !PyArg_ParseTuple(args, "O!", &PyLong_Type, &value)) {
        return NULL;
    }
    Py_INCREF(value);
    self->value = value;
    return (PyObject *)self;
}

static PyObject *
strict_new_right(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    Box *self = (Box *)type->tp_alloc(type, 0);
    PyObject *value;
    if (self == NULL || !PyArg_ParseTuple(args, "O!", &PyLong_Type, &value)) {
        Py_XDECREF(self);
        return NULL;
    }
    Py_INCREF(value);
    self->value = value;
    return (PyObject *)self;
}

static PyTypeObject Strict_wrong = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Strict",
    .tp_basicsize = sizeof(Box),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = strict_new_wrong,
    .tp_dealloc = box_dealloc,
    .tp_traverse = box_traverse,
    .tp_clear = box_clear,
};

static PyTypeObject Strict_right = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Strict",
    .tp_basicsize = sizeof(Box),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = strict_new_right,
    .tp_dealloc = box_dealloc,
    .tp_traverse = box_traverse,
    .tp_clear = box_clear,
};

int
add_boxes(PyObject *module)
{
    if (PyType_Ready(&Box_Type) < 0 || PyObject_SetAttrString(module, "Box", (PyObject *)&Box_Type) < 0 ||
        add_types(module, "Forgetful", &Forgetful_wrong, &Forgetful_right) < 0 ||
        add_types(module, "Account", &Account_wrong, &Account_right) < 0 ||
        add_types(module, "Strict", &Strict_wrong, &Strict_right) < 0) {
        return -1;
    }
    return 0;
}
