/* Functions that code compiled with Python.h links to; the tests call them by name, as that code does. */
#include "testing.h"
#include "things.h"

/* ---- Birth ---- */

static PyTypeObject Row_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "Row", .tp_basicsize = sizeof(PyVarObject), .tp_itemsize = 8, .tp_dealloc = Thing_dealloc,
};

static void births(void)
{
    int before = things_ended;
    pyrefcore_watch(PYREFCORE_COUNT);
    unsigned long long born = pyrefcore_births();
    PyObject *thing = _PyObject_New(&Thing_Type);
    PyVarObject *row = _PyObject_NewVar(&Row_Type, 7);
    CHECK(thing != NULL && row != NULL && pyrefcore_births() - born == 2);
    CHECK(Py_TYPE(thing) == &Thing_Type && Py_REFCNT(thing) == 1);
    CHECK(Py_TYPE(row) == &Row_Type && Py_REFCNT(row) == 1 && Py_SIZE(row) == 7);
    CHECK(((Thing *)thing)->number == 0);
    memset(row + 1, 1, 7 * 8);
    Py_DECREF(thing);
    Py_DECREF(row);
    EQUAL(things_ended - before, 2);
    CHECK(_PyObject_NewVar(&Row_Type, -1) == NULL && _PyObject_NewVar(&Row_Type, PTRDIFF_MAX / 8) == NULL);
    EQUAL(pyrefcore_births() - born, 2);
    pyrefcore_unwatch(PYREFCORE_COUNT);
}

#if PY_VERSION_HEX < 0x030A0000
static void type_flags(void)
{
    EQUAL(PyType_GetFlags(&Box_Type), Py_TPFLAGS_HAVE_GC);
    EQUAL(PyType_GetFlags(&Thing_Type), 0);
}
#endif

/* ---- Functions about an interpreter, without one ---- */

#if PY_VERSION_HEX >= 0x030A0000
static void singletons(void)
{
    Thing *thing = new_thing(1);
    PyObject *op = (PyObject *)thing;
    CHECK((Py_IsNone)(op) == 0 && (Py_IsTrue)(op) == 0 && (Py_IsFalse)(op) == 0);
    CHECK((Py_IsNone)(NULL) == 0 && (Py_IsTrue)(NULL) == 0 && (Py_IsFalse)(NULL) == 0);
    Py_DECREF(op);
}
#endif

#if PY_VERSION_HEX < 0x030D0000
static void no_traceback(void)
{
    CHECK(_PyTraceMalloc_GetTraceback(0, 4096) == NULL);
    pyrefcore_trace_start(8);
    CHECK(PyTraceMalloc_Track(5, 4096, 10) == 0 && _PyTraceMalloc_GetTraceback(5, 4096) == NULL);
    pyrefcore_trace_stop();
}
#else
static void no_weak_references(void)
{
    Box *box = new_box(NULL);
    int before = boxes_ended;
    PyUnstable_Object_ClearWeakRefsNoCallbacks((PyObject *)box);
    CHECK(Py_REFCNT(box) == 1 && PyObject_GC_IsTracked((PyObject *)box));
    Py_DECREF(box);
    EQUAL(boxes_ended - before, 1);
}
#endif

#if PY_VERSION_HEX >= 0x030E0000
static void no_temporaries(void)
{
    PyObject *op = (PyObject *)new_thing(1);
    CHECK(PyUnstable_Object_IsUniquelyReferenced(op) == 1);
    EQUAL(PyUnstable_Object_IsUniqueReferencedTemporary(op), 0);
    Py_DECREF(op);
}
#endif

/* ---- Immortal by request ---- */

#if PY_VERSION_HEX >= 0x030F0000
static PyTypeObject String_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "String", .tp_basicsize = sizeof(Thing), .tp_dealloc = Thing_dealloc,
    .tp_flags = Py_TPFLAGS_UNICODE_SUBCLASS,
};

static void immortal(void)
{
    PyObject *op = (PyObject *)new_thing(1), *string = (PyObject *)PyObject_New(Thing, &String_Type);
    Box *box = new_box(NULL);
    int things = things_ended, boxes = boxes_ended;
    NOTE_TOTAL();
    Py_INCREF(op);
    EQUAL(PyUnstable_SetImmortal(op), 0); /* Shared. */
    Py_DECREF(op);
    CHECK(PyUnstable_IsImmortal(op) == 0);
    EQUAL(PyUnstable_SetImmortal(op), 1);
    CHECK(PyUnstable_IsImmortal(op) == 1);
    EQUAL(PyUnstable_SetImmortal(op), 0); /* Already immortal. */
    EQUAL(PyUnstable_SetImmortal(string), 0);
    CHECK(PyUnstable_IsImmortal(string) == 0);
    EQUAL(PyUnstable_SetImmortal((PyObject *)box), 1);
    CHECK(PyUnstable_IsImmortal((PyObject *)box) == 1 && !PyObject_GC_IsTracked((PyObject *)box));
    GAINED(0);
    Py_DECREF(op);
    Py_DECREF(box);
    CHECK(things_ended == things && boxes_ended == boxes);
    Py_DECREF(string);
    EQUAL(things_ended - things, 1);
}
#endif

/* ---- Assertions and totals ---- */

static PyObject *asserted;
static void whole(void) { _PyObject_AssertFailed(asserted, "a == b", "they differ", "mine.c", 7, "check"); }
static void bare(void) { _PyObject_AssertFailed(asserted, NULL, NULL, "mine.c", 8, NULL); }
static void nothing(void) { _PyObject_AssertFailed(NULL, "a", NULL, NULL, 9, "check"); }

#if defined(Py_REF_DEBUG) && PY_VERSION_HEX < 0x03090000
static void printed_total(void)
{
    char wanted[60];
    snprintf(wanted, sizeof wanted, "[%td refs, 0 blocks]\n", TOTAL());
    EQUAL(hear(_PyDebug_PrintTotalRefs), 0);
    CHECK(strcmp(testing_heard, wanted) == 0);
}
#endif

int main(void)
{
    RUN(births);
#if PY_VERSION_HEX < 0x030A0000
    RUN(type_flags);
#else
    RUN(singletons);
#endif
#if PY_VERSION_HEX < 0x030D0000
    RUN(no_traceback);
#else
    RUN(no_weak_references);
#endif
#if PY_VERSION_HEX >= 0x030E0000
    RUN(no_temporaries);
#endif
#if PY_VERSION_HEX >= 0x030F0000
    RUN(immortal);
#endif
    asserted = (PyObject *)new_thing(1);
    expect_death("assertion", SIGABRT, whole, "mine.c:7: check: Assertion \"a == b\" failed: they differ\n",
                 "object refcount : 1\n", "object type name: Thing\n", "_PyObject_AssertFailed\n");
    expect_death("assertion without a word", SIGABRT, bare, "mine.c:8: Assertion failed\n", "object type name: Thing\n");
    expect_death("assertion about nothing", SIGABRT, nothing, "(null):9: check: Assertion \"a\" failed\n", "is freed>\n");
#if defined(Py_REF_DEBUG) && PY_VERSION_HEX < 0x03090000
    RUN(printed_total);
#endif
    return summary();
}
