/* The exact text that _Py_NegativeRefcount writes before it aborts (Py_REF_DEBUG). */
#include "testing.h"
#include "things.h"

#ifdef Py_REF_DEBUG
#if PY_VERSION_HEX >= 0x03090000
#define LAST_WORDS "Fatal Python error: _PyObject_AssertFailed: _PyObject_AssertFailed\n"
#else
#define LAST_WORDS "Fatal Python error: _PyObject_AssertFailed\n"
#endif
/* Up to 3.11 CPython checks the count after the decrement, later before it. */
#define NONE_LEFT (PY_VERSION_HEX >= 0x030C0000 ? 0 : -1)

static PyObject *op;
static char wanted[1000];

/* Sets `wanted` to the whole text for a call at file:line, when the count of `op` is `refcnt`. */
static void want(const char *file, int at, Py_ssize_t refcnt)
{
    char repr[100];
    if (refcnt > 0) {
        snprintf(repr, sizeof repr, "<Thing object at %p>", (void *)op);
    }
    else {
        snprintf(repr, sizeof repr, "<refcnt %td at %p>", refcnt, (void *)op);
    }
    snprintf(wanted, sizeof wanted,
             "%s:%d: _Py_NegativeRefcount: Assertion failed: object has negative ref count\n"
             "Enable tracemalloc to get the memory block allocation traceback\n\n"
             "object address  : %p\nobject refcount : %td\nobject type     : %p\nobject type name: Thing\n"
             "object repr     : %s\n\n" LAST_WORDS,
             file, at, (void *)op, refcnt, (void *)&Thing_Type, repr);
}
static void said(void (*misuse)(void))
{
    int status = hear(misuse);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    if (!CHECK(strcmp(testing_heard, wanted) == 0)) {
        printf("it said:\n%s\ninstead of:\n%s\n", testing_heard, wanted);
    }
}

static void call(void) { _Py_NegativeRefcount("mymod.c", 42, op); }
static void directly(void)
{
    want("mymod.c", 42, 1);
    said(call);
}

enum { DECREF_LINE = __LINE__ + 1 };
static void decref(void) { Py_DECREF(op); }
static void by_macro(void)
{
    want(__FILE__, DECREF_LINE, NONE_LEFT);
    Py_SET_REFCNT(op, 0);
    said(decref);
#ifdef Py_GIL_DISABLED
    /* The text is the same for an object without an owner. */
    op->ob_tid = _Py_UNOWNED_TID;
    Py_SET_REFCNT(op, 0);
    CHECK(op->ob_ref_shared == _Py_REF_MERGED);
    said(decref);
    op->ob_tid = _Py_ThreadId();
    op->ob_ref_shared = 0;
#elif PY_VERSION_HEX < 0x030E0000
    Py_SET_REFCNT(op, -5);
    want(__FILE__, DECREF_LINE, -5 + NONE_LEFT);
    said(decref);
#endif
    Py_SET_REFCNT(op, 1);
}

/* The report names the function where the traced object was born. */
static void born_here(void) { op = (PyObject *)new_thing(2); }
static void traced(void)
{
    pyrefcore_trace_start(8);
    born_here();
    Py_SET_REFCNT(op, 0);
    decref();
}
static void watched(void)
{
    pyrefcore_watch(PYREFCORE_TRACE);
    traced();
}
static void unknown_block(void)
{
    pyrefcore_trace_start(8);
    Py_SET_REFCNT(op, 0);
    decref();
}

/* The report does not describe freed memory, but it still names the call. */
static void freed(void)
{
    PyObject *gone = (PyObject *)new_thing(3);
    Py_DECREF(gone);
    op = gone;
    decref();
}
static void null(void) { _Py_NegativeRefcount("mymod.c", 42, NULL); }
static void wiped(void)
{
    memset(&op->ob_type, 0xDD, sizeof op->ob_type);
    call();
}
#endif

int main(void)
{
#ifdef Py_REF_DEBUG
    char place[40], first[120], freed_line[60];
    op = (PyObject *)new_thing(1);
    RUN(directly);
    RUN(by_macro);
    snprintf(place, sizeof place, "%s:%d: ", __FILE__, DECREF_LINE);
    snprintf(first, sizeof first, "%s_Py_NegativeRefcount: Assertion failed: object has negative ref count\n", place);
    snprintf(freed_line, sizeof freed_line, "\n<object at %p is freed>\n" LAST_WORDS, (void *)op);
    expect_death("traced", SIGABRT, traced, first, "\nMemory block allocated at (most recent call first):\n",
                 "negative.c\", line ", "\n\nobject address  : ", LAST_WORDS);
    CHECK(strstr(testing_heard, "Enable tracemalloc") == NULL);
    expect_death("watched", SIGABRT, watched, first, "\nMemory block allocated at (most recent call first):\n");
    expect_death("unknown block", SIGABRT, unknown_block, first, "count\nobject address  : ", LAST_WORDS);
    expect_death("freed", SIGABRT, freed, first, "\n<object at 0x", " is freed>\n" LAST_WORDS);
    expect_death("wiped", SIGABRT, wiped, "mymod.c:42: _Py_NegativeRefcount: ", freed_line);
    expect_death("NULL", SIGABRT, null, "mymod.c:42: ", "is freed>\n" LAST_WORDS);
#endif
    return summary();
}
