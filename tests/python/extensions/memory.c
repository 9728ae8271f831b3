/* Memory that is no object: each function of the module allocates some, and most never free it. */
#include <Python.h>
#include <pthread.h>
#include <stdlib.h>

#define METHOD(name) static PyObject *name(PyObject *module, PyObject *arg)
#define RAW_BYTES 4096

static void *volatile last;

METHOD(by_malloc) { last = malloc(100); Py_RETURN_NONE; }
METHOD(by_mem) { last = PyMem_Malloc(64); Py_RETURN_NONE; }
METHOD(by_object) { last = PyObject_Malloc(80); Py_RETURN_NONE; }
METHOD(by_raw) { last = PyMem_RawMalloc(RAW_BYTES); Py_RETURN_NONE; }
METHOD(by_calloc) { last = PyMem_Calloc(3, 16); Py_RETURN_NONE; }
METHOD(by_realloc) { last = PyMem_Realloc(PyMem_Malloc(16), 1000); Py_RETURN_NONE; }
METHOD(in_a_thread)
{
    Py_BEGIN_ALLOW_THREADS
    last = PyMem_RawMalloc(RAW_BYTES);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

/* The thread's first function, called by the C library. */
static void *body_of_a_thread(void *unused)
{
    last = PyMem_RawMalloc(RAW_BYTES);
    return NULL;
}
METHOD(by_a_thread)
{
    pthread_t thread;
    Py_BEGIN_ALLOW_THREADS
    pthread_create(&thread, NULL, body_of_a_thread, NULL);
    pthread_join(thread, NULL);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

/* One block in each run, and never two blocks of the same length in a row. */
static size_t length = 1;
METHOD(of_any_length)
{
    length = length * 1103515245 + 12345;
    last = PyMem_Malloc(1 + length / 65536 % 400);
    Py_RETURN_NONE;
}

/* Each leaked block points to another one. */
METHOD(a_chain)
{
    void **first = PyMem_Malloc(2 * sizeof(void *));
    first[0] = first[1] = PyMem_Malloc(100);
    last = first;
    Py_RETURN_NONE;
}

/* One block in every second run. */
METHOD(now_and_then)
{
    static int run;
    if (++run % 2) {
        last = PyMem_Malloc(48);
    }
    Py_RETURN_NONE;
}

/* Memory that is freed at once, or some runs later. */
METHOD(and_back)
{
    PyMem_Free(PyMem_Malloc(64));
    PyObject_Free(PyObject_Malloc(64));
    PyMem_RawFree(PyMem_RawRealloc(PyMem_RawMalloc(64), RAW_BYTES));
    free(malloc(100));
    Py_RETURN_NONE;
}
#define PLACES 250
METHOD(a_ring)
{
    static void *places[PLACES][2];
    static int next;
    PyMem_Free(places[next][0]);
    free(places[next][1]);
    places[next][0] = PyMem_Malloc(64);
    places[next][1] = malloc(100);
    next = (next + 1) % PLACES;
    Py_RETURN_NONE;
}

/* An object that holds memory of each kind. */
typedef struct {
    PyObject_HEAD
    void **mem;
    void *raw;
    void *heap;
} Holder;

static void end_holder(PyObject *self)
{
    Holder *holder = (Holder *)self;
    PyObject_Free(holder->mem[0]);
    PyMem_Free(holder->mem);
    PyMem_RawFree(holder->raw);
    free(holder->heap);
    PyObject_Free(self);
}

static PyTypeObject Holder_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "memory.Holder",
    .tp_basicsize = sizeof(Holder),
    .tp_dealloc = end_holder,
};

METHOD(holder)
{
    Holder *holder = PyObject_New(Holder, &Holder_Type);
    if (holder != NULL) {
        holder->mem = PyMem_Malloc(sizeof(void *));
        holder->mem[0] = PyObject_Malloc(24);
        holder->raw = PyMem_RawMalloc(RAW_BYTES);
        holder->heap = malloc(200);
    }
    return (PyObject *)holder;
}
METHOD(forget_holder) { (void)holder(module, arg); Py_RETURN_NONE; }

/* An object whose memory is allocated early, and points to blocks that are allocated later. */
#define SHELVES 3
#define SHELF 10000
typedef struct {
    PyObject_HEAD
    void ***shelves;
    int next;
} Store;

/* The stored blocks are not freed. */
static void end_store(PyObject *self)
{
    Store *store = (Store *)self;
    PyMem_Free(store->shelves[0]);
    free(store->shelves[1]);
    free(store->shelves[2]);
    PyMem_Free(store->shelves);
    PyObject_Free(self);
}

static PyTypeObject Store_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "memory.Store",
    .tp_basicsize = sizeof(Store),
    .tp_dealloc = end_store,
};

/* A block with a free block directly behind it, if the allocator can. */
static void *room_in_front(size_t bytes)
{
    char *room = PyMem_Malloc(bytes);
    for (int tries = 0; tries < 1000; tries++) {
        char *behind = PyMem_Malloc(bytes);
        if (behind == room + sizeof(Store)) {
            PyMem_Free(behind);
            break;
        }
        room = behind;
    }
    return room;
}

METHOD(store)
{
    void ***shelves = room_in_front(SHELVES * sizeof(void **));
    /* The shelves lie directly in front of the store; the audit must not take them for the store's words. */
    Store *store = PyObject_New(Store, &Store_Type);
    if (store != NULL) {
        store->next = 0;
        store->shelves = shelves;
        /* A block of PyMem, one of malloc, and one so large that malloc maps it alone. */
        store->shelves[0] = PyMem_Calloc(SHELF, sizeof(void *));
        store->shelves[1] = calloc(SHELF, sizeof(void *));
        store->shelves[2] = calloc(10 * SHELF, sizeof(void *));
    }
    return (PyObject *)store;
}
METHOD(put_away)
{
    Store *store = (Store *)arg;
    for (int shelf = 0; shelf < SHELVES; shelf++) {
        store->shelves[shelf][store->next] = PyMem_Malloc(64 + 16 * (size_t)shelf);
    }
    store->next++;
    Py_RETURN_NONE;
}

/* Addresses of blocks that by_mem() will get: all were in use, and most are free again. */
#define ADDRESSES 4000
METHOD(addresses)
{
    static void *blocks[ADDRESSES];
    for (int at = 0; at < ADDRESSES; at++) {
        blocks[at] = PyMem_Malloc(64);
    }
    /* A pool with a block in use is not freed. */
    for (int at = 0; at < ADDRESSES; at++) {
        if (at % 20) {
            PyMem_Free(blocks[at]);
        }
    }
    return PyByteArray_FromStringAndSize((const char *)blocks, sizeof(blocks));
}

/* An object that the collector links with the objects born before and after it. */
static int show_nothing(PyObject *self, visitproc visit, void *arg) { return 0; }

static PyTypeObject Linked_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "memory.Linked",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = show_nothing,
    .tp_dealloc = PyObject_GC_Del,
};

METHOD(linked)
{
    PyObject *linked = PyObject_GC_New(PyObject, &Linked_Type);
    if (linked != NULL) {
        PyObject_GC_Track(linked);
    }
    return linked;
}

/* Leaks through CPython's functions. */
METHOD(buffer)
{
    Py_buffer *view = PyMem_Malloc(sizeof *view);
    if (PyObject_GetBuffer(arg, view, PyBUF_SIMPLE)) {
        return NULL;
    }
    Py_RETURN_NONE;
}
METHOD(view) { (void)PyMemoryView_FromObject(arg); Py_RETURN_NONE; }
METHOD(capsule) { (void)PyCapsule_New(&last, "memory.last", NULL); Py_RETURN_NONE; }
METHOD(capsule_without_name) { (void)PyCapsule_New(&last, NULL, NULL); Py_RETURN_NONE; }
METHOD(capsule_with_lost_name) { (void)PyCapsule_New(&last, (const char *)16, NULL); Py_RETURN_NONE; }

#define LISTED(name, how) {#name, name, how, NULL}
static PyMethodDef methods[] = {
    LISTED(by_malloc, METH_NOARGS), LISTED(by_mem, METH_NOARGS), LISTED(by_object, METH_NOARGS),
    LISTED(by_raw, METH_NOARGS), LISTED(by_calloc, METH_NOARGS), LISTED(by_realloc, METH_NOARGS),
    LISTED(in_a_thread, METH_NOARGS), LISTED(by_a_thread, METH_NOARGS), LISTED(of_any_length, METH_NOARGS),
    LISTED(a_chain, METH_NOARGS),
    LISTED(now_and_then, METH_NOARGS), LISTED(and_back, METH_NOARGS), LISTED(a_ring, METH_NOARGS),
    LISTED(holder, METH_NOARGS), LISTED(forget_holder, METH_NOARGS), LISTED(store, METH_NOARGS),
    LISTED(addresses, METH_NOARGS), LISTED(linked, METH_NOARGS), LISTED(put_away, METH_O),
    LISTED(buffer, METH_O), LISTED(view, METH_O), LISTED(capsule, METH_NOARGS),
    LISTED(capsule_without_name, METH_NOARGS),
    LISTED(capsule_with_lost_name, METH_NOARGS), {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "memory", NULL, -1, methods};
PyMODINIT_FUNC PyInit_memory(void)
{
    int is_bad = PyType_Ready(&Holder_Type) < 0 || PyType_Ready(&Store_Type) < 0 || PyType_Ready(&Linked_Type) < 0;
    return is_bad ? NULL : PyModule_Create(&definition);
}
