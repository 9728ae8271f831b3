/* Memory for objects: sizes, items, containers, and the reference that a birth adds to its type. */
#include "testing.h"
#include "things.h"

static void stay(PyObject *op) { (void)op; }
static PyTypeObject Kind_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Kind",
    .tp_basicsize = sizeof(PyTypeObject), .tp_dealloc = stay,
};

/* Up to 3.12 only heap types gain a reference from a birth; from 3.13 on every mortal type does. */
static void type_references(void)
{
    PyTypeObject heap = Thing_Type, plain = Thing_Type;
    const int counts_plain = PY_VERSION_HEX >= 0x030D0000;
    heap.tp_flags |= Py_TPFLAGS_HEAPTYPE;
    PyObject_Init((PyObject *)&heap, &Kind_Type);
    PyObject_Init((PyObject *)&plain, &Kind_Type);
    Py_ssize_t static_count = Py_REFCNT(&Thing_Type);
    NOTE_TOTAL();
    PyObject *made[] = { PyObject_New(PyObject, &heap), PyObject_New(PyObject, &plain),
                         PyObject_New(PyObject, &Thing_Type) };
    EQUAL(Py_REFCNT(&heap), 2);
    EQUAL(Py_REFCNT(&plain), 1 + counts_plain);
    EQUAL(Py_REFCNT(&Thing_Type), static_count);
    GAINED(4 + counts_plain);
    for (int i = 0; i < 3; i++) {
        Py_DECREF(made[i]);
    }
    /* tp_dealloc must give that reference back, and Thing_dealloc does not. */
    EQUAL(Py_REFCNT(&heap), 2);
    Py_SET_REFCNT(&heap, 1);
    Py_SET_REFCNT(&plain, 1);
    Py_DECREF(&heap);
    Py_DECREF(&plain);
}

static PyTypeObject Row_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Row",
    .tp_basicsize = sizeof(PyVarObject), .tp_itemsize = 3, .tp_dealloc = Thing_dealloc,
};

static void items(void)
{
    PyVarObject *made[] = {
        PyObject_InitVar(PyObject_Malloc(sizeof(PyVarObject) + 21), &Row_Type, 7),
        PyObject_INIT_VAR(PyObject_Malloc(sizeof(PyVarObject) + 21), &Row_Type, 7),
        PyObject_NewVar(PyVarObject, &Row_Type, 7),
        PyObject_NEW_VAR(PyVarObject, &Row_Type, 7),
    };
    for (int i = 0; i < 4; i++) {
        CHECK(Py_SIZE(made[i]) == 7 && Py_TYPE(made[i]) == &Row_Type && is_one((PyObject *)made[i]));
        memset(made[i] + 1, 0x5A, 21);
        Py_SET_SIZE(made[i], 0);
        CHECK(Py_SIZE(made[i]) == 0);
        Py_DECREF(made[i]);
    }
}

/* A request for too much memory returns NULL. */
static void too_large(void)
{
    PyTypeObject huge = Thing_Type;
    huge.tp_basicsize = PTRDIFF_MAX - 64;
    CHECK(PyObject_New(PyObject, &huge) == NULL);
    CHECK(PyObject_NewVar(PyVarObject, &Row_Type, PTRDIFF_MAX / 2) == NULL);
    CHECK(PyObject_Malloc(SIZE_MAX) == NULL && PyObject_Calloc(SIZE_MAX / 2, 4) == NULL);
}

/* The collector's words of a new container and of a tracked one. */
#ifdef Py_GIL_DISABLED
static int is_clear(Box *box) { return box->ob_base.ob_gc_bits == 0; }
static int is_marked(Box *box) { return box->ob_base.ob_gc_bits == 1; }
#else
static PyGC_Head *head(Box *box) { return (PyGC_Head *)box - 1; }
static int is_clear(Box *box) { return head(box)->_gc_next == 0 && head(box)->_gc_prev == 0; }
static int is_marked(Box *box) { return head(box)->_gc_next != 0; }
#endif
static void containers(void)
{
    PyTypeObject flagged[] = { Box_Type, Box_Type };
#if PY_VERSION_HEX >= 0x030B0000
    flagged[1].tp_flags |= Py_TPFLAGS_MANAGED_DICT;
#endif
    for (int i = 0; i < 2; i++) {
        Box *box = PyObject_GC_New(Box, &flagged[i]);
        CHECK((uintptr_t)box % 16 == 0 && box->held == NULL && is_one((PyObject *)box));
        CHECK(is_clear(box) && !PyObject_GC_IsTracked((PyObject *)box));
        PyObject_GC_Track(box);
        CHECK(is_marked(box) && PyObject_GC_IsTracked((PyObject *)box));
        PyObject_GC_UnTrack(box);
        PyObject_GC_UnTrack(box);
        CHECK(!is_marked(box) && !PyObject_GC_IsTracked((PyObject *)box));
        Py_DECREF(box);
    }
    Thing *thing = new_thing(1);
    CHECK(!PyObject_GC_IsTracked((PyObject *)thing));
    Py_DECREF(thing);
}

int main(void)
{
    RUN(type_references);
    RUN(items);
    RUN(too_large);
    RUN(containers);
    return summary();
}
