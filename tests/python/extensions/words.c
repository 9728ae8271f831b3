/* Instances whose fields hold addresses: references that no tp_traverse shows, or old words of the memory. */
#include <Python.h>

/* Holds one reference, and has no tp_traverse. */
typedef struct { PyObject_HEAD PyObject *held; } Holder;

static void holder_dealloc(PyObject *self)
{
    Py_XDECREF(((Holder *)self)->held);
    PyObject_Free(self);
}

static PyTypeObject Holder_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "words.Holder", .tp_basicsize = sizeof(Holder),
    .tp_dealloc = holder_dealloc, .tp_flags = Py_TPFLAGS_DEFAULT,
};

/* Holds nothing; only `full` writes its words. It has the size of numpy's flatiter. */
enum { WORDS = 330 };
typedef struct { PyObject_HEAD void *words[WORDS]; } Full;

static void full_dealloc(PyObject *self) { PyObject_Free(self); }

static PyTypeObject Full_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "words.Full", .tp_basicsize = sizeof(Full),
    .tp_dealloc = full_dealloc, .tp_flags = Py_TPFLAGS_DEFAULT,
};

static PyObject *hold(PyObject *module, PyObject *held)
{
    Holder *new = PyObject_New(Holder, &Holder_Type);
    if (new != NULL) {
        Py_INCREF(held);
        new->held = held;
    }
    return (PyObject *)new;
}

/* dangle(address): a holder with a pointer that is no reference. It must not die. */
static PyObject *dangle(PyObject *module, PyObject *address)
{
    Holder *new = PyObject_New(Holder, &Holder_Type);
    if (new != NULL)
        new->held = PyLong_AsVoidPtr(address);
    return (PyObject *)new;
}

/* full(addresses): an instance whose words repeat these addresses. */
static PyObject *full(PyObject *module, PyObject *addresses)
{
    Py_ssize_t size = PyTuple_Size(addresses);
    Full *new = PyObject_New(Full, &Full_Type);
    if (new != NULL && size > 0)
        for (Py_ssize_t at = 0; at < WORDS; at++)
            new->words[at] = PyLong_AsVoidPtr(PyTuple_GET_ITEM(addresses, at % size));
    return (PyObject *)new;
}

/* hold_thrice(held): holds one reference and stores its address in three fields. */
typedef struct { PyObject_HEAD PyObject *held, *again, *last; } Thrice;

static PyTypeObject Thrice_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "words.Thrice", .tp_basicsize = sizeof(Thrice),
    .tp_dealloc = holder_dealloc, .tp_flags = Py_TPFLAGS_DEFAULT,
};

static PyObject *hold_thrice(PyObject *module, PyObject *held)
{
    Thrice *new = PyObject_New(Thrice, &Thrice_Type);
    if (new != NULL) {
        Py_INCREF(held);
        new->held = new->again = new->last = held;
    }
    return (PyObject *)new;
}

/* A new instance: its words are the old words of the memory. */
static PyObject *raw(PyObject *module, PyObject *none) { return (PyObject *)PyObject_New(Full, &Full_Type); }

/* The number of words of an instance that are not zero. */
static PyObject *used(PyObject *module, PyObject *one)
{
    long count = 0;
    for (int at = 0; at < WORDS; at++)
        count += ((Full *)one)->words[at] != NULL;
    return PyLong_FromLong(count);
}

/* Fills a block with ones and makes it longer. Counts the bytes of its new tail that are not zero. */
static long bytes_left(size_t old_bytes, size_t new_bytes)
{
    char *other = PyObject_Malloc(new_bytes), *block = PyObject_Malloc(old_bytes), *behind = PyObject_Malloc(old_bytes);
    memset(other, 1, new_bytes);
    memset(block, 1, old_bytes);
    PyObject_Free(other);
    block = PyObject_Realloc(block, new_bytes);
    long count = 0;
    for (size_t at = 0; at < old_bytes; at++)
        if (block[at] != 1)
            Py_FatalError("realloc has lost a byte");
    for (size_t at = old_bytes; at < new_bytes; at++)
        count += block[at] != 0;
    PyObject_Free(block);
    PyObject_Free(behind);
    return count;
}

static PyObject *grown(PyObject *module, PyObject *none)
{
    return PyLong_FromLong(bytes_left(24, 400) + bytes_left(600, 900));
}

static PyObject *leak(PyObject *module, PyObject *one) { Py_INCREF(one); Py_RETURN_NONE; }

static PyMethodDef methods[] = {
    {"hold", hold, METH_O, NULL}, {"dangle", dangle, METH_O, NULL}, {"full", full, METH_O, NULL},
    {"hold_thrice", hold_thrice, METH_O, NULL}, {"raw", raw, METH_NOARGS, NULL}, {"used", used, METH_O, NULL}, {"grown", grown, METH_NOARGS, NULL}, {"leak", leak, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "words", NULL, -1, methods};

PyMODINIT_FUNC PyInit_words(void)
{
    if (PyType_Ready(&Holder_Type) < 0 || PyType_Ready(&Full_Type) < 0 || PyType_Ready(&Thrice_Type) < 0)
        return NULL;
    return PyModule_Create(&definition);
}
