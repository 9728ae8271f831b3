/* The audit of a program without Python: tp_traverse shows the references that objects hold, and the audit reports the
 * references that no object shows. */
#include "testing.h"
#include "things.h"

enum { RUNS = 50, WINDOWS = 3 };

static PyObject *shown(PyObject *held) { return (PyObject *)new_box(held); }

static PyObject *list;  /* A chain that grows; each box shows the one before it. */
static PyObject *shared;

static void right(void) { Py_DECREF(shown((PyObject *)new_thing(1))); }
static void leaks_thing(void) { (void)new_thing(1); }
static void leaks_box(void) { (void)shown((PyObject *)new_thing(1)); }
static void leaks_argument(void) { Py_INCREF(shared); }
static void grows(void) { list = shown(list); }
static void over_releases(void) { Py_DECREF(shared); }
static void circle(void)
{
    PyObject *first = shown(NULL), *second = shown(first);
    ((Box *)first)->held = second;
}
static int times;
static void unsteady(void)
{
    for (int i = 0; i < times / RUNS; i++) {
        (void)new_thing(1);
    }
    times++;
}

/* The findings for `run`, in windows of RUNS runs each. */
static pyrefcore_findings *check(void (*run)(void))
{
    pyrefcore_snapshot *snapshots[WINDOWS + 1];
    run();
    for (int window = 0; window <= WINDOWS; window++) {
        snapshots[window] = pyrefcore_snapshot_take();
        CHECK(snapshots[window] != NULL);
        for (int i = 0; window < WINDOWS && i < RUNS; i++) {
            run();
        }
    }
    pyrefcore_findings *found = pyrefcore_compare((const pyrefcore_snapshot *const *)snapshots, WINDOWS + 1);
    for (int window = 0; window <= WINDOWS; window++) {
        pyrefcore_snapshot_drop(snapshots[window]);
    }
    return found;
}

static void expect_nothing(void (*run)(void))
{
    pyrefcore_findings *found = check(run);
    EQUAL(pyrefcore_findings_count(found), 0);
    CHECK(pyrefcore_findings_get(found, 0) == NULL);
    pyrefcore_findings_drop(found);
}

/* Expects one finding of that kind and type, with that many references and objects in each run. */
static void expect(void (*run)(void), int kind, const char *type, int references, int objects, const char *folded)
{
    pyrefcore_findings *found = check(run);
    if (EQUAL(pyrefcore_findings_count(found), 1)) {
        const pyrefcore_finding *finding = pyrefcore_findings_get(found, 0);
        EQUAL(finding->kind, kind);
        CHECK(strcmp(finding->type_name, type) == 0);
        EQUAL(finding->windows, WINDOWS);
        for (size_t window = 0; window < finding->windows && kind != PYREFCORE_UNSTEADY; window++) {
            EQUAL(finding->references[window], references * RUNS);
            EQUAL(finding->objects[window], objects * RUNS);
        }
        CHECK((finding->examples_count > 0) == (kind != PYREFCORE_GROWTH) && finding->examples_count <= 8);
        CHECK(kind == PYREFCORE_GROWTH || Py_TYPE(finding->examples[0].object) == finding->ob_type);
        EQUAL(finding->folded_count, folded != NULL);
        CHECK(folded == NULL || strcmp(finding->folded[0].type_name, folded) == 0);
    }
    pyrefcore_findings_drop(found);
}

static void refuses_while_the_table_is_off(void)
{
    pyrefcore_snapshot *taken = pyrefcore_snapshot_take();
    CHECK(taken == NULL || IS_DEBUG);
    pyrefcore_snapshot_clear(&taken);
    const char *reason = pyrefcore_audit_attach();
    CHECK(IS_DEBUG ? reason == NULL : strstr(reason, "PYREFCORE_LIVE") != NULL);
    EQUAL(pyrefcore_referents((PyObject *)&Box_Type, NULL, NULL), -1);
    reason = pyrefcore_snapshot_try(&taken);
    CHECK(IS_DEBUG ? reason == NULL : strstr(reason, "PYREFCORE_LIVE") != NULL);
    CHECK((taken != NULL) == IS_DEBUG);
    pyrefcore_snapshot_clear(&taken);
    CHECK(taken == NULL);
    pyrefcore_snapshot_clear(&taken);
}

/* A type without tp_name. */
static PyTypeObject Nameless_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_basicsize = sizeof(Thing), .tp_dealloc = Thing_dealloc,
};
static void leaks_nameless(void) { (void)PyObject_New(Thing, &Nameless_Type); }
static void a_type_without_a_name(void) { expect(leaks_nameless, PYREFCORE_LEAK, "?", 1, 1, NULL); }

static void correct_code_is_quiet(void) { expect_nothing(right); }
static void what_grows_and_is_shown_is_no_leak(void) { expect(grows, PYREFCORE_GROWTH, "Box", 0, 1, NULL); }
static void one_snapshot_shows_no_change(void)
{
    (void)new_thing(1);
    pyrefcore_snapshot *once = pyrefcore_snapshot_take();
    pyrefcore_findings *found = pyrefcore_compare((const pyrefcore_snapshot *const *)&once, 1);
    EQUAL(pyrefcore_findings_count(found), 0);
    pyrefcore_findings_drop(found);
    found = pyrefcore_compare(NULL, 0);
    EQUAL(pyrefcore_findings_count(found), 0);
    pyrefcore_findings_drop(found);
    pyrefcore_snapshot_drop(once);
}
static void a_leaked_object(void) { expect(leaks_thing, PYREFCORE_LEAK, "Thing", 1, 1, NULL); }
static void a_leaked_container(void) { expect(leaks_box, PYREFCORE_LEAK, "Box", 1, 1, "Thing"); }
static void a_leaked_reference(void) { expect(leaks_argument, PYREFCORE_LEAK, "Thing", 1, 0, NULL); }
static void a_circle(void) { expect(circle, PYREFCORE_LEAK, "Box", 0, 2, NULL); }
static void growth_that_changes(void) { expect(unsteady, PYREFCORE_UNSTEADY, "Thing", 0, 0, NULL); }

static void an_over_release(void)
{
    Py_SET_REFCNT(shared, Py_REFCNT(shared) + 10000);
    expect(over_releases, PYREFCORE_OVER_RELEASE, "Thing", -1, 0, NULL);
}

/* The number of findings if an object with enough references loses `references` of them in each window. */
static size_t found_in_a_fall_of(int references)
{
    pyrefcore_snapshot *snapshots[WINDOWS + 1];
    Py_SET_REFCNT(shared, Py_REFCNT(shared) + 1000);
    for (int window = 0; window <= WINDOWS; window++) {
        snapshots[window] = pyrefcore_snapshot_take();
        for (int i = 0; i < references; i++) {
            Py_DECREF(shared);
        }
    }
    pyrefcore_findings *found = pyrefcore_compare((const pyrefcore_snapshot *const *)snapshots, WINDOWS + 1);
    size_t count = pyrefcore_findings_count(found);
    pyrefcore_findings_drop(found);
    for (int window = 0; window <= WINDOWS; window++) {
        pyrefcore_snapshot_drop(snapshots[window]);
    }
    return count;
}
static void a_fall_of_a_few_references_is_no_over_release(void)
{
    EQUAL(found_in_a_fall_of(4), 0);
    EQUAL(found_in_a_fall_of(5), 1);
}

/* Pinned objects survive releases. An object that was released too often keeps its pins after the unpin. */
static void pins(void)
{
    PyObject *thing = (PyObject *)new_thing(7), *holder = shown(thing);
    pyrefcore_snapshot *pinned = pyrefcore_snapshot_take();
    int ended = things_ended;
    size_t held = pyrefcore_snapshot_pin(pinned);
    CHECK(held >= 2);
    PyObject *loose = (PyObject *)new_thing(8);
    EQUAL(pyrefcore_snapshot_pin(pinned), held + 1);
    Py_DECREF(thing); /* The holder's. */
    Py_DECREF(thing);
    Py_DECREF(loose);
    EQUAL(things_ended, ended);
    pyrefcore_snapshot *after = pyrefcore_snapshot_take();
    pyrefcore_findings *found = pyrefcore_over_released(after);
    if (EQUAL(pyrefcore_findings_count(found), 1)) {
        const pyrefcore_finding *finding = pyrefcore_findings_get(found, 0);
        EQUAL(finding->examples_count, 1);
        CHECK(finding->examples[0].object == thing);
        EQUAL(finding->examples[0].refcount, -1);
        EQUAL(finding->examples[0].explained, 1);
    }
    pyrefcore_findings_drop(found);
    pyrefcore_snapshot_drop(after);
    pyrefcore_snapshot_unpin(pinned);
    EQUAL(things_ended, ended + 1); /* The loose one. */
    CHECK(Py_REFCNT(thing) > 0);
    pyrefcore_snapshot_drop(pinned);
    Py_DECREF(holder);
}

/* Whether pyrefcore_is_quiet finds no change in a window that ran `run`. */
static int is_quiet(void (*run)(void))
{
    pyrefcore_snapshot *before = pyrefcore_snapshot_take();
    run();
    pyrefcore_snapshot *after = pyrefcore_snapshot_take();
    int quiet = pyrefcore_is_quiet(before, after);
    pyrefcore_snapshot_drop(before);
    pyrefcore_snapshot_drop(after);
    return quiet;
}
static PyObject *other;
static void moves_a_reference(void)
{
    Py_INCREF(shared);
    Py_DECREF(other);
}
static void steals(void) { ((Box *)other)->held = shared; }

static void a_window_that_changes_nothing(void)
{
    CHECK(is_quiet(right));
    CHECK(!is_quiet(leaks_thing));
    CHECK(!is_quiet(leaks_argument));
    CHECK(!is_quiet(over_releases));
    CHECK(!is_quiet(grows));
    other = (PyObject *)new_thing(1);
    Py_INCREF(other);
    CHECK(!is_quiet(moves_a_reference));
    Py_DECREF(other);
    /* A box shows a reference that it does not own. */
    other = shown(NULL);
    CHECK(!is_quiet(steals));
    ((Box *)other)->held = NULL;
    Py_DECREF(other);
    /* An object that only pins keep alive counts as dead. */
    other = shown(shown((PyObject *)new_thing(1)));
    pyrefcore_snapshot *before = pyrefcore_snapshot_take();
    pyrefcore_snapshot_pin(before);
    Py_DECREF(((Box *)other)->held);
    ((Box *)other)->held = shown((PyObject *)new_thing(1));
    pyrefcore_snapshot *after = pyrefcore_snapshot_take();
    CHECK(pyrefcore_is_quiet(before, after));
    pyrefcore_snapshot_drop(after);
    pyrefcore_snapshot_drop(before);
    Py_DECREF(other);
}

static int edges;
static int count_edge(PyObject *from, PyObject *to, void *arg)
{
    PyObject **pair = arg;
    edges += from == pair[0] && to == pair[1];
    return 0;
}
static void neighbours(void)
{
    PyObject *thing = (PyObject *)new_thing(1), *holder = shown(thing), *pair[] = { holder, thing };
    edges = 0;
    EQUAL(pyrefcore_referrers(&thing, 1, count_edge, pair), 0);
    EQUAL(edges, 1);
    EQUAL(pyrefcore_referents(holder, count_edge, pair), 0);
    EQUAL(edges, 2);
    pyrefcore_edge found[10];
    EQUAL(pyrefcore_neighbours(pair, 2, 2, found), 4);
    CHECK(found[0].source == holder && found[0].target == NULL && found[1].source == thing);
    CHECK(found[2].source == holder && found[2].target == thing && found[3].source == holder);
    EQUAL(Py_REFCNT(holder), 4);
    EQUAL(Py_REFCNT(thing), 4);
    pyrefcore_edges_drop(found, 4);
    pyrefcore_edges_drop(found, 4);
    EQUAL(Py_REFCNT(holder), 1);
    /* The call takes no reference to an object whose count is 0, and does not end the object. */
    Py_SET_REFCNT(thing, 0);
    EQUAL(pyrefcore_neighbours(&thing, 1, 2, found), 1);
    CHECK(found[0].source == NULL);
    EQUAL(pyrefcore_referents(holder, count_edge, pair), 0);
    EQUAL(edges, 2);
    EQUAL(Py_REFCNT(thing), 0);
    Py_SET_REFCNT(thing, 1);
    Py_DECREF(holder);
}

static void the_guard_needs_a_cpython(void)
{
    CHECK(pyrefcore_guard_why_not() == NULL);
    EQUAL(pyrefcore_guard_look(), -1);
    CHECK(strstr(pyrefcore_guard_why_not(), "no CPython") != NULL);
    EQUAL(pyrefcore_guard_held(), 0);
    EQUAL(pyrefcore_guard_c_heap(), -1);
    pyrefcore_guard_end();
}

int main(void)
{
    RUN(refuses_while_the_table_is_off);
    CHECK(pyrefcore_watch(PYREFCORE_LIVE) == 0);
    CHECK(pyrefcore_audit_attach() == NULL);
    /* There is no allocator to hook. */
    EQUAL(pyrefcore_audit_quarantine(1), 0);
    EQUAL(pyrefcore_audit_quarantine(0), 0);
    shared = (PyObject *)new_thing(0);
    RUN(correct_code_is_quiet);
    RUN(what_grows_and_is_shown_is_no_leak);
    RUN(one_snapshot_shows_no_change);
    RUN(a_leaked_object);
    RUN(a_leaked_container);
    RUN(a_leaked_reference);
    RUN(a_type_without_a_name);
    RUN(a_circle);
    RUN(growth_that_changes);
    RUN(an_over_release);
    RUN(a_fall_of_a_few_references_is_no_over_release);
    RUN(pins);
    RUN(a_window_that_changes_nothing);
    RUN(neighbours);
    RUN(the_guard_needs_a_cpython);
    return summary();
}
