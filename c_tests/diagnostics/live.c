/* The live table: which objects are alive, of which types, and walks while objects are born and die. */
#include "kept.h"

static void off_knows_nothing(void)
{
    keep(0, 10);
    EQUAL(pyrefcore_live_count(0), IS_DEBUG ? 10 : -1);
    EQUAL(pyrefcore_births() + pyrefcore_deaths(), 0);
    CHECK(pyrefcore_birth_stack(kept[0], NULL, NULL) == -1);
    drop(0, 10);
}

static void count(void)
{
    CHECK(pyrefcore_watch(PYREFCORE_LIVE | PYREFCORE_COUNT) == 0 && pyrefcore_watch(0) == 0);
    uint64_t births = pyrefcore_births(), deaths = pyrefcore_deaths();
    keep(0, 100);
    EQUAL(pyrefcore_live_count(0), 100);
    EQUAL(pyrefcore_births() - births, 100);
    EQUAL(pyrefcore_deaths() - deaths, 0);
    drop(20, 100);
    EQUAL(pyrefcore_live_count(0), 20);
    EQUAL(pyrefcore_births() - births, 100);
    EQUAL(pyrefcore_deaths() - deaths, 80);
    keep(20, 40);
    EQUAL(pyrefcore_live_count(0), 40);
    drop(0, 40);
    EQUAL(pyrefcore_live_count(0), 0);
    EQUAL(pyrefcore_births() - births, 120);
    EQUAL(pyrefcore_deaths() - deaths, 120);
}

static void visit(void)
{
    Walk all = { 0 }, some = { .until = 7 };
    keep(0, MANY);
    CHECK(pyrefcore_live_visit(0, step, &all) == 0 && pyrefcore_live_visit(0, step, &some) == 0);
    CHECK(all.seen == MANY && all.known == MANY && some.seen == 7);
    drop(0, MANY);
}

/* A visitor may drop the visited object and any other, and may make new ones. */
static int drop_all(PyObject *op, void *arg)
{
    Walk *walk = arg;
    CHECK(Py_REFCNT(op) == 1 && (Py_TYPE(op) == &Thing_Type || Py_TYPE(op) == &Box_Type));
    if (walk->seen++ == 0) {
        drop(0, MANY / 2);
        drop(MANY / 2 + 1, MANY);
        keep(0, 3);
    }
    return 0;
}
static void visit_while_they_die(void)
{
    Walk walk = { 0 };
    keep(0, MANY);
    CHECK(pyrefcore_live_visit(0, drop_all, &walk) == 0);
    CHECK(walk.seen >= 1 && walk.seen <= 5);
    EQUAL(pyrefcore_live_count(0), 4);
    drop(0, MANY);
}

typedef struct {
    char names[64];
    size_t counts[4];
    int seen, until;
} Types;
static int add_type(const char *name, size_t count, void *arg)
{
    Types *types = arg;
    strcat(strcat(types->names, name), " ");
    types->counts[types->seen++] = count;
    return types->seen == types->until;
}
static void types(void)
{
    Types all = { 0 }, none = { 0 }, first = { .until = 1 };
    keep(0, 50);
    uint64_t mark = pyrefcore_mark();
    CHECK(pyrefcore_live_types(0, add_type, &all) == 0 && pyrefcore_live_types(mark, add_type, &none) == 0);
    CHECK(strcmp(all.names, "Thing Box ") == 0 && all.counts[0] == 40 && all.counts[1] == 10);
    CHECK(pyrefcore_live_types(0, add_type, &first) == 0 && first.seen == 1 && none.seen == 0);
    drop(0, 50);
}

/* A dead object leaves the table, even if its memory holds a positive count afterwards. */
static void park(PyObject *op) { Py_SET_REFCNT(op, 7); }
static PyTypeObject Parked_Type = { PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Parked",
                                    .tp_basicsize = sizeof(PyObject), .tp_dealloc = park };
static void parked(void)
{
    pyrefcore_unwatch(PYREFCORE_COUNT);
    Py_ssize_t before = pyrefcore_live_count(0);
    PyObject *op = PyObject_New(PyObject, &Parked_Type);
    EQUAL(pyrefcore_live_count(0), before + 1);
    Py_DECREF(op);
    EQUAL(pyrefcore_live_count(0), before);
    PyObject_Free(op);
    pyrefcore_watch(PYREFCORE_COUNT);
}

static void unwatch(void)
{
    pyrefcore_unwatch(PYREFCORE_LIVE | PYREFCORE_COUNT);
    uint64_t births = pyrefcore_births();
    keep(0, 10);
    EQUAL(pyrefcore_live_count(0), IS_DEBUG ? 10 : -1);
    EQUAL(pyrefcore_births(), births);
    drop(0, 10);
    /* A new table does not hold the objects that died while there was none. */
    EQUAL(pyrefcore_watch(PYREFCORE_LIVE), 0);
    EQUAL(pyrefcore_live_count(0), 0);
}

int main(void)
{
    RUN(off_knows_nothing);
    RUN(count);
    RUN(parked);
    RUN(visit);
    RUN(visit_while_they_die);
    RUN(types);
    RUN(unwatch);
    return summary();
}
