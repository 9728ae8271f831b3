/* Marks: the objects born since a mark, until the mark is too old; odd addresses; many threads. */
#include "kept.h"
#include <pthread.h>

/* Each of 100 generations adds one object. The marks of the last 31 generations give exact counts. */
static void generations(void)
{
    enum { GENERATIONS = 100 };
    uint64_t marks[GENERATIONS];
    for (int i = 0; i < GENERATIONS; i++) {
        marks[i] = pyrefcore_mark();
        CHECK(i == 0 || marks[i] > marks[i - 1]);
        keep(i, i + 1);
        for (int back = 0; back <= 30 && back <= i; back++) {
            EQUAL(pyrefcore_live_count(marks[i - back]), back + 1);
        }
        EQUAL(pyrefcore_live_count(0), i + 1);
    }
    Walk walk = { 0 };
    EQUAL(pyrefcore_live_count(marks[0]), -1);
    CHECK(pyrefcore_live_visit(marks[0], step, &walk) == -1);
    CHECK(walk.seen == 0 && pyrefcore_live_types(marks[0], NULL, NULL) == -1);
    EQUAL(pyrefcore_live_count(marks[99] + 1), -1);
    drop(0, 95);
    EQUAL(pyrefcore_live_count(marks[90]), 5);
    drop(95, GENERATIONS);
    EQUAL(pyrefcore_live_count(0), 0);
}

/* An object in memory that no allocator gave may start in the middle of a unit of 16 bytes. */
static void odd_addresses(void)
{
    _Alignas(16) static char memory[4 * sizeof(Thing) + 16];
    static PyTypeObject Static_Type = {
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Static",
        .tp_basicsize = sizeof(Thing), .tp_dealloc = PyObject_CallFinalizer,
    };
    Walk walk = { 0 };
    kept[0] = PyObject_Init((PyObject *)memory, &Static_Type);
    kept[1] = PyObject_Init((PyObject *)(memory + 2 * sizeof(Thing) + 8), &Static_Type);
    CHECK(pyrefcore_live_visit(0, step, &walk) == 0);
    CHECK(walk.seen == 2 && walk.known == 2);
    drop(0, 2);
    EQUAL(pyrefcore_live_count(0), 0);
}

static void *work(void *arg)
{
    PyObject **mine = (PyObject **)arg;
    for (int i = 0; i < 20000; i++) {
        PyObject **place = &mine[i % 50];
        Py_XSETREF(*place, (PyObject *)new_thing(i));
    }
    return NULL;
}
static void threads(void)
{
    pthread_t ids[8];
    uint64_t mark = pyrefcore_mark(), births = pyrefcore_births(), deaths = pyrefcore_deaths();
    for (int i = 0; i < 8; i++) {
        assert(pthread_create(&ids[i], NULL, work, kept + 50 * i) == 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(ids[i], NULL);
    }
    EQUAL(pyrefcore_live_count(mark), 400);
    EQUAL(pyrefcore_births() - births, 160000);
    EQUAL(pyrefcore_deaths() - deaths, 160000 - 400);
    drop(0, 400);
    EQUAL(pyrefcore_live_count(0), 0);
}

int main(void)
{
    assert(pyrefcore_watch(PYREFCORE_LIVE | PYREFCORE_COUNT) == 0);
    RUN(generations);
    RUN(odd_addresses);
    RUN(threads);
    return summary();
}
