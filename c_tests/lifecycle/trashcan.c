/* A chain of nested containers dies in constant C stack. Up to 3.13 tp_dealloc needs Py_TRASHCAN_BEGIN/END for it; from
 * 3.14 on _Py_Dealloc sees to it. */
#include "testing.h"
#include "things.h"
#include <pthread.h>

/* link_dealloc records how deep it is nested, and the lowest stack address that it reaches. */
static int depth, deepest, ended, untracked;
static char *highest, *lowest;

static void link_dealloc(PyObject *op)
{
    char here;
    /* Up to 3.13 tp_dealloc runs twice for a deferred object, the second time untracked. From 3.14 on it runs once. */
    untracked += !PyObject_GC_IsTracked(op);
    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, link_dealloc)
    depth++;
    ended++;
    deepest = depth > deepest ? depth : deepest;
    lowest = &here < lowest ? &here : lowest;
    Py_CLEAR(((Box *)op)->held);
    PyObject_GC_Del(op);
    depth--;
    Py_TRASHCAN_END
}
static PyTypeObject Link_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Link",
    .tp_basicsize = sizeof(Box), .tp_flags = Py_TPFLAGS_HAVE_GC,
    .tp_traverse = Box_traverse, .tp_dealloc = link_dealloc, .tp_free = PyObject_GC_Del,
};

static PyObject *new_chain(int length)
{
    PyObject *chain = NULL;
    for (int i = 0; i < length; i++) {
        Box *link = PyObject_GC_New(Box, &Link_Type);
        assert(link != NULL);
        link->held = chain;
        PyObject_GC_Track(link);
        chain = (PyObject *)link;
    }
    return chain;
}

static void *end_chain(void *length)
{
    char here;
    PyObject *chain = new_chain(*(int *)length);
    depth = deepest = ended = untracked = 0;
    highest = lowest = &here;
    Py_CLEAR(chain);
    EQUAL(ended, *(int *)length);
    EQUAL(depth, 0);
    EQUAL(untracked > 0, PY_VERSION_HEX < 0x030E0000);
    return NULL;
}
static void on_a_stack_of(size_t bytes, int length)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    assert(pthread_attr_setstacksize(&attributes, bytes) == 0);
    assert(pthread_create(&thread, &attributes, end_chain, &length) == 0);
    pthread_join(thread, NULL);
    CHECK(deepest > 1 && (size_t)(highest - lowest) < bytes - (48 << 10));
    if (PY_VERSION_HEX < 0x030E0000) {
        EQUAL(deepest, 50);
        CHECK(highest - lowest < 0xC000);
    }
}

/* The static program runs the same code again, so a tenth of the chain is enough. A checking tool needs long for each
 * object, so a hundredth is enough. */
#if defined(WATCHED)
enum { CHAIN = 100 * 1000 };
#elif defined(LINKED_STATICALLY)
enum { CHAIN = 1000 * 1000 };
#else
enum { CHAIN = 10 * 1000 * 1000 };
#endif
static void ten_million(void) { on_a_stack_of(256 << 10, CHAIN); }
static void small_stack(void) { on_a_stack_of(128 << 10, 100 * 1000); }
static void main_stack(void)
{
    int length = CHAIN < 1000 * 1000 ? CHAIN : 1000 * 1000;
    end_chain(&length);
}

/* Births and deaths balance. Each link leaves the live table, and the list of all objects if there is one. */
static void all_are_told(void)
{
    int length = 100 * 1000;
    pthread_t thread;
    pyrefcore_watch(PYREFCORE_COUNT | PYREFCORE_LIVE);
    uint64_t mark = pyrefcore_mark();
    pthread_create(&thread, NULL, end_chain, &length);
    pthread_join(thread, NULL);
    Thing *kept = new_thing(1);
    EQUAL(pyrefcore_births(), length + 1);
    EQUAL(pyrefcore_deaths(), length);
    EQUAL(pyrefcore_live_count(mark), 1);
    Py_DECREF(kept);
    pyrefcore_unwatch(PYREFCORE_COUNT | PYREFCORE_LIVE);
}

/* A deferred link keeps its finalized bit. From 3.14 on a deferred link that was tracked is tracked again. */
static void put_aside(void)
{
    PyObject *op = new_chain(1);
    set_finalized(op);
    ended = 0;
    Py_SET_REFCNT(op, 0);
#if PY_VERSION_HEX >= 0x030D0000
    if (PY_VERSION_HEX < 0x030E0000) {
        PyObject_GC_UnTrack(op);
    }
    _PyTrash_thread_deposit_object(NULL, op);
    CHECK(ended == 0 && is_finalized(op));
    _PyTrash_thread_destroy_chain(NULL);
    EQUAL(ended, 1);
#elif PY_VERSION_HEX < 0x030B0000
    PyObject_GC_UnTrack(op);
    _PyTrash_thread_deposit_object(op);
    CHECK(ended == 0 && (((PyGC_Head *)op - 1)->_gc_prev & 3) == 1);
    _PyTrash_thread_destroy_chain();
    EQUAL(ended, 1);
    op = new_chain(1);
    PyObject_GC_UnTrack(op);
    _PyTrash_deposit_object(op);
    _PyTrash_destroy_chain();
    EQUAL(ended, 2);
#else
    PyObject_GC_UnTrack(op);
    for (int i = 0; i < 50; i++) {
        EQUAL(_PyTrash_begin(NULL, op), 0);
    }
    EQUAL(_PyTrash_begin(NULL, op), 1);
    CHECK(ended == 0 && (((PyGC_Head *)op - 1)->_gc_prev & 3) == 1);
    for (int i = 0; i < 50; i++) {
        EQUAL(ended, 0);
        _PyTrash_end(NULL);
    }
    EQUAL(ended, 1);
#endif
}

#if PY_VERSION_HEX < 0x030E0000
static void only_the_own_dealloc(void)
{
    PyObject *op = new_chain(1);
    CHECK(_PyTrash_cond(op, link_dealloc) == 1 && _PyTrash_cond(op, Box_dealloc) == 0);
    Py_DECREF(op);
}
#endif

int main(void)
{
    RUN(small_stack);
    RUN(ten_million);
    RUN(main_stack);
    RUN(all_are_told);
    RUN(put_aside);
#if PY_VERSION_HEX < 0x030E0000
    RUN(only_the_own_dealloc);
#endif
    return summary();
}
