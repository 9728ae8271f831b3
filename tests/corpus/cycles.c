/* Types that show the collector too little. */
#include "corpus.h"

typedef struct {
    PyObject_HEAD
    PyObject *next;
} Link;

static PyObject *
link_join(PyObject *self, PyObject *arg)
{
    Py_INCREF(arg);
    Py_XSETREF(((Link *)self)->next, arg);
    Py_RETURN_NONE;
}

static PyMethodDef link_methods[] = {
    {"join", link_join, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static int
link_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((Link *)self)->next);
    return 0;
}

static int
link_clear(PyObject *self)
{
    Py_CLEAR(((Link *)self)->next);
    return 0;
}

static void
link_dealloc(PyObject *self)
{
    if (PyType_IS_GC(Py_TYPE(self))) {
        PyObject_GC_UnTrack(self);
    }
    link_clear(self);
    Py_TYPE(self)->tp_free(self);
}

/* Without Py_TPFLAGS_HAVE_GC a link that refers to itself is never collected. */
static PyTypeObject Untraversed_wrong = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Untraversed",
    .tp_basicsize = sizeof(Link),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = link_dealloc,
    .tp_methods = link_methods,
};

static PyTypeObject Untraversed_right = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Untraversed",
    .tp_basicsize = sizeof(Link),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = link_dealloc,
    .tp_traverse = link_traverse,
    .tp_clear = link_clear,
    .tp_methods = link_methods,
};

/* tp_traverse visits nothing. */
static int
blind_traverse(PyObject *self, visitproc visit, void *arg)
{
    return 0;
}

static PyTypeObject Blind_wrong = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Blind",
    .tp_basicsize = sizeof(Link),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = link_dealloc,
    .tp_traverse = blind_traverse,
    .tp_clear = link_clear,
    .tp_methods = link_methods,
};

static PyTypeObject Blind_right = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Blind",
    .tp_basicsize = sizeof(Link),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = link_dealloc,
    .tp_traverse = link_traverse,
    .tp_clear = link_clear,
    .tp_methods = link_methods,
};

/* The collector finds the cycle, but cannot break it without tp_clear. */
static PyTypeObject Knot_wrong = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Knot",
    .tp_basicsize = sizeof(Link),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = link_dealloc,
    .tp_traverse = link_traverse,
    .tp_methods = link_methods,
};

static PyTypeObject Knot_right = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "corpus.Knot",
    .tp_basicsize = sizeof(Link),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = link_dealloc,
    .tp_traverse = link_traverse,
    .tp_clear = link_clear,
    .tp_methods = link_methods,
};

/* The object is never tracked, so the collector does not know it. */
static PyObject *
untracked_wrong(PyObject *self, PyObject *unused)
{
    Link *link = PyObject_GC_New(Link, &Blind_right);
    if (link == NULL) {
        return NULL;
    }
    Py_INCREF(link);
    link->next = (PyObject *)link;
    Py_DECREF(link);
    Py_RETURN_NONE;
}

static PyObject *
untracked_right(PyObject *self, PyObject *unused)
{
    Link *link = PyObject_GC_New(Link, &Blind_right);
    if (link == NULL) {
        return NULL;
    }
    Py_INCREF(link);
    link->next = (PyObject *)link;
    PyObject_GC_Track(link);
    Py_DECREF(link);
    Py_RETURN_NONE;
}

/* An instance of a heap type holds its type; from 3.9 on its tp_traverse must visit the type. */
static int
node_traverse_wrong(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((Link *)self)->next);
    return 0;
}

static int
node_traverse_right(PyObject *self, visitproc visit, void *arg)
{
#if PY_VERSION_HEX >= 0x03090000
    Py_VISIT(Py_TYPE(self));
#endif
    Py_VISIT(((Link *)self)->next);
    return 0;
}

static void
node_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    link_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot node_slots_wrong[] = {
    {Py_tp_new, PyType_GenericNew}, {Py_tp_dealloc, node_dealloc}, {Py_tp_traverse, node_traverse_wrong},
    {Py_tp_clear, link_clear},      {0, NULL},
};

static PyType_Slot node_slots_right[] = {
    {Py_tp_new, PyType_GenericNew}, {Py_tp_dealloc, node_dealloc}, {Py_tp_traverse, node_traverse_right},
    {Py_tp_clear, link_clear},      {0, NULL},
};

static PyType_Spec node_spec_wrong = {
    "corpus.Node", sizeof(Link), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, node_slots_wrong,
};

static PyType_Spec node_spec_right = {
    "corpus.Node", sizeof(Link), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, node_slots_right,
};

/* A new type with one of its instances as an attribute. */
static PyObject *
type_with_default(PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    PyObject *instance = type == NULL ? NULL : PyObject_CallFunctionObjArgs(type, NULL);
    int failed = instance == NULL || PyObject_SetAttrString(type, "default", instance) < 0;
    Py_XDECREF(instance);
    if (failed) {
        Py_CLEAR(type);
    }
    return type;
}

static PyObject *
node_type_wrong(PyObject *self, PyObject *unused)
{
    return type_with_default(&node_spec_wrong);
}

static PyObject *
node_type_right(PyObject *self, PyObject *unused)
{
    return type_with_default(&node_spec_right);
}

static PyMethodDef functions[] = {
    PAIR(untracked, METH_NOARGS),
    PAIR(node_type, METH_NOARGS),
    {NULL, NULL, 0, NULL},
};

int
add_cycles(PyObject *module)
{
    if (add_types(module, "Untraversed", &Untraversed_wrong, &Untraversed_right) < 0 ||
        add_types(module, "Blind", &Blind_wrong, &Blind_right) < 0 ||
        add_types(module, "Knot", &Knot_wrong, &Knot_right) < 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, functions);
}
