/* Types in memory of malloc, PyMem_Malloc and mmap, a type with a metaclass, and types without PyType_Ready. */
#include <Python.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if PY_VERSION_HEX < 0x03090000
#define Py_SET_TYPE(op, type) (Py_TYPE(op) = (type))
#endif

typedef struct { PyObject_HEAD PyObject *held; } Thing;

static void thing_dealloc(PyObject *op)
{
    Py_XDECREF(((Thing *)op)->held);
    PyObject_Free(op);
}

static PyTypeObject Meta = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "types_anywhere.Meta",
    .tp_flags = Py_TPFLAGS_DEFAULT};
static PyTypeObject Unready = {PyVarObject_HEAD_INIT(&PyType_Type, 0).tp_name = "types_anywhere.Unready",
    .tp_basicsize = sizeof(Thing), .tp_dealloc = thing_dealloc, .tp_flags = Py_TPFLAGS_DEFAULT};

/* A growing number in front of the address of a type looks like an object's count, but is none. */
static struct { Py_ssize_t calls; PyTypeObject *ob_type; void *more[4]; } calls = {0, &Unready};

/* Makes a type in this memory. */
static PyTypeObject *fill(void *memory, const char *name, PyTypeObject *meta)
{
    static PyTypeObject empty = {PyVarObject_HEAD_INIT(NULL, 0)};
    PyTypeObject *type = memory;
    memset(type, 0, sizeof(PyHeapTypeObject));
    memcpy(type, &empty, sizeof empty);
    Py_SET_TYPE((PyObject *)type, meta);
    type->tp_name = name;
    type->tp_basicsize = sizeof(Thing);
    type->tp_dealloc = thing_dealloc;
    type->tp_flags = Py_TPFLAGS_DEFAULT;
    return type;
}

/* Makes a type, long after the audit was attached. If `kind` says so, PyType_Ready is not called. */
static PyTypeObject *type_of(const char *kind)
{
    static PyTypeObject *in_malloc, *in_pymem, *in_mmap, *with_meta, *unready_in_malloc;
    size_t bytes = sizeof(PyHeapTypeObject);
    PyTypeObject **type;
    if (!strcmp(kind, "malloc")) {
        type = &in_malloc;
        if (!*type) *type = fill(malloc(bytes), "types_anywhere.InMalloc", &PyType_Type);
    } else if (!strcmp(kind, "pymem")) {
        type = &in_pymem;
        if (!*type) *type = fill(PyMem_Malloc(bytes), "types_anywhere.InPyMem", &PyType_Type);
    } else if (!strcmp(kind, "mmap")) {
        type = &in_mmap;
        /* The type is not at the start of a page. */
        if (!*type) *type = fill((char *)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 40,
            "types_anywhere.InMmap", &PyType_Type);
    } else if (!strcmp(kind, "meta")) {
        type = &with_meta;
        if (!*type) *type = fill(malloc(bytes), "types_anywhere.WithMeta", &Meta);
    } else if (!strcmp(kind, "unready in malloc")) {
        if (!unready_in_malloc) unready_in_malloc = fill(malloc(bytes), "types_anywhere.UnreadyInMalloc", &PyType_Type);
        return unready_in_malloc;
    } else {
        return &Unready;
    }
    return PyType_Ready(*type) < 0 ? NULL : *type;
}

static PyObject *make(PyObject *module, PyObject *kind)
{
    PyTypeObject *type = type_of(PyUnicode_AsUTF8(kind));
    Thing *thing = type ? PyObject_New(Thing, type) : NULL;
    if (thing) thing->held = NULL;
    return (PyObject *)thing;
}

/* An instance of a type that each call makes anew. */
static PyObject *make_type(PyObject *module, PyObject *unused)
{
    PyTypeObject *type = fill(malloc(sizeof(PyHeapTypeObject)), "types_anywhere.New", &PyType_Type);
    /* Up to 3.9 a base that PyType_Ready has to find is held, and a given one never. */
    type->tp_base = &PyBaseObject_Type;
    return PyType_Ready(type) < 0 ? NULL : PyObject_INIT((PyObject *)PyObject_Malloc(sizeof(Thing)), type);
}

static PyObject *leak(PyObject *module, PyObject *kind)
{
    if (make(module, kind) == NULL) return NULL;
    Py_RETURN_NONE;
}

static PyObject *over(PyObject *module, PyObject *op)
{
    Py_DECREF(op);
    Py_RETURN_NONE;
}

/* An object in no block of PyObject_Malloc. Its dealloc could not free it, so the caller must never release it. */
static PyObject *outside(PyObject *module, PyObject *unused)
{
    Thing *thing = malloc(sizeof(Thing));
    PyTypeObject *type = type_of("malloc");
    if (!thing || !type) return PyErr_NoMemory();
    thing->held = NULL;
    return PyObject_INIT((PyObject *)thing, type);
}

static PyObject *count_call(PyObject *module, PyObject *unused)
{
    calls.calls++;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"make", make, METH_O}, {"leak", leak, METH_O}, {"over", over, METH_O},
    {"count_call", count_call, METH_NOARGS}, {"outside", outside, METH_NOARGS},
    {"make_type", make_type, METH_NOARGS}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "types_anywhere", 0, -1, methods};

PyMODINIT_FUNC PyInit_types_anywhere(void)
{
    Meta.tp_base = &PyType_Type;
    return PyType_Ready(&Meta) < 0 ? NULL : PyModule_Create(&definition);
}
