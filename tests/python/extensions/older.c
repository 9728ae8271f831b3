/* A structure that is older than the check, and holds blocks in ways that C programs use. */
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct node {
    uint64_t key;
    struct node *next;
} node;

typedef struct {
    PyObject_HEAD
    Py_ssize_t length;
    int offset; /* of the addresses in the table from the start of each block, or of their tag */
    char **table;
} Store;

static void put(Store *self, Py_ssize_t at, size_t bytes)
{
    self->table[at] = (char *)PyMem_Malloc(bytes) + self->offset;
}

/* store(LENGTH, USED, OFFSET, ALIGNMENT) */
static PyObject *store(PyObject *module, PyObject *arguments)
{
    extern PyTypeObject store_type;
    Py_ssize_t length, used, alignment;
    int offset;
    if (!PyArg_ParseTuple(arguments, "nnin", &length, &used, &offset, &alignment))
        return NULL;
    Store *self = PyObject_New(Store, &store_type);
    char *memory = calloc(length * sizeof(char *) + 2 * alignment, 1);
    self->table = (char **)(((uintptr_t)memory + alignment) & ~(uintptr_t)(alignment - 1));
    self->length = length;
    self->offset = offset;
    for (Py_ssize_t at = 0; at < used; at++)
        put(self, at, 50);
    return (PyObject *)self;
}

#define METHOD(name) static PyObject *name(PyObject *module, PyObject *arguments)
#define ARGUMENTS                                                    \
    Store *self;                                                     \
    Py_ssize_t number;                                               \
    if (!PyArg_ParseTuple(arguments, "On", &self, &number))          \
        return NULL;

METHOD(add) { ARGUMENTS put(self, number, 50); Py_RETURN_NONE; }
METHOD(replace)
{
    ARGUMENTS
    PyMem_Free(self->table[number] - self->offset);
    put(self, number, 50);
    Py_RETURN_NONE;
}
METHOD(resize)
{
    ARGUMENTS
    self->table[number] = (char *)PyMem_Realloc(self->table[number] - self->offset, 60) + self->offset;
    Py_RETURN_NONE;
}
/* Puts a node between two older nodes of a chain. `offset` is the tag of a link. */
METHOD(insert)
{
    ARGUMENTS
    node *new = PyMem_Malloc(sizeof(node)), **place = (node **)&self->table[0];
    for (; number > 0 && *place; number--)
        place = &((node *)((char *)*place - self->offset))->next;
    new->next = *place;
    *place = (node *)((char *)new + self->offset);
    Py_RETURN_NONE;
}

/* Frees no block: each test makes one store, which lives to the end. */
static void store_dealloc(PyObject *self) { PyObject_Free(self); }

PyTypeObject store_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "older.Store",
    .tp_basicsize = sizeof(Store),
    .tp_dealloc = store_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
};
static PyMethodDef methods[] = {
    {"store", store, METH_VARARGS},     {"add", add, METH_VARARGS},       {"replace", replace, METH_VARARGS},
    {"resize", resize, METH_VARARGS},   {"insert", insert, METH_VARARGS}, {NULL},
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "older", NULL, -1, methods};
PyMODINIT_FUNC PyInit_older(void)
{
    return PyType_Ready(&store_type) < 0 ? NULL : PyModule_Create(&module);
}
