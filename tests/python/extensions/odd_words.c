/* Types whose instances have no size, or no list of weak references, at the usual offset. One more type visits objects
 * that it does not hold. */
#include <Python.h>

#ifndef Py_TPFLAGS_MANAGED_WEAKREF
#define Py_TPFLAGS_MANAGED_WEAKREF 0
#endif

/* A subclass of int; from 3.12 on the word after the head of an int is not a number of items. */
static PyTypeObject Int = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "odd_words.Int",
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE};

/* The list of weak references is 32 bytes in front of the object, and `at_32` is 32 bytes behind its start. */
typedef struct { PyObject_HEAD void *more[2]; PyObject *at_32; } Weak;

static int weak_traverse(PyObject *op, visitproc visit, void *arg)
{
#if PY_VERSION_HEX >= 0x03090000
    Py_VISIT(Py_TYPE(op));
#endif
    return 0;
}

static void weak_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    PyObject_ClearWeakRefs(op);
    Py_XDECREF(((Weak *)op)->at_32);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *weak_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    PyObject *held;
    if (!PyArg_ParseTuple(arguments, "O", &held)) return NULL;
    Weak *weak = (Weak *)type->tp_alloc(type, 0);
    if (weak) {
        Py_INCREF(held);
        weak->at_32 = held;
    }
    return (PyObject *)weak;
}

static PyType_Slot weak_slots[] = {{Py_tp_dealloc, weak_dealloc}, {Py_tp_new, weak_new}, {Py_tp_traverse, weak_traverse}, {0}};
static PyType_Spec weak_spec = {"odd_words.Weak", sizeof(Weak), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MANAGED_WEAKREF, weak_slots};

/* If `lies` is set, the traverse visits words that are no objects, addresses in an object and a temporary object. */
typedef struct { PyObject_HEAD PyObject *held; } Liar;
static int lies;

static int liar_traverse(PyObject *op, visitproc visit, void *arg)
{
    Liar *liar = (Liar *)op;
    Py_VISIT(liar->held);
    if (!lies) return 0;
    static const uintptr_t none[] = {1, 3, 8, 16, 4096, (uintptr_t)1 << 46, (uintptr_t)1 << 63, ~(uintptr_t)0 - 7};
    for (size_t at = 0; at < sizeof none / sizeof *none; at++) visit((PyObject *)none[at], arg);
    for (int at = 1; at < 16; at++) visit((PyObject *)((char *)liar->held + at), arg);
    PyObject *moment = PyFloat_FromDouble(1.5);
    visit(moment, arg);
    Py_DECREF(moment);
    return 0;
}

static int liar_clear(PyObject *op)
{
    Py_CLEAR(((Liar *)op)->held);
    return 0;
}

static void liar_dealloc(PyObject *op)
{
    PyObject_GC_UnTrack(op);
    liar_clear(op);
    PyObject_GC_Del(op);
}

static PyTypeObject Liar_Type = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "odd_words.Liar", .tp_basicsize = sizeof(Liar),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, .tp_traverse = liar_traverse, .tp_clear = liar_clear,
    .tp_dealloc = liar_dealloc};

static PyObject *liar(PyObject *module, PyObject *held)
{
    Liar *made = PyObject_GC_New(Liar, &Liar_Type);
    Py_INCREF(held);
    made->held = held;
    PyObject_GC_Track(made);
    return (PyObject *)made;
}

static PyObject *lie(PyObject *module, PyObject *on)
{
    lies = PyObject_IsTrue(on);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"liar", liar, METH_O}, {"lie", lie, METH_O}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "odd_words", 0, -1, methods};

PyMODINIT_FUNC PyInit_odd_words(void)
{
    Int.tp_base = &PyLong_Type;
    if (PyType_Ready(&Int) < 0 || PyType_Ready(&Liar_Type) < 0) return NULL;
    PyObject *module = PyModule_Create(&definition);
    PyObject *weak = PyType_FromSpec(&weak_spec);
    if (!module || !weak) return NULL;
    Py_INCREF(&Int);
    PyModule_AddObject(module, "Int", (PyObject *)&Int);
    PyModule_AddObject(module, "Weak", weak);
    return module;
}
