/* The list of all objects (Py_TRACE_REFS): which objects enter and leave it, and the order in which it is printed.
 * Objects may be born and die while it is printed. Removing an object that is not in the list ends the process. */
#include "testing.h"
#include "things.h"

#ifdef Py_TRACE_REFS
#if PY_VERSION_HEX >= 0x030C0000
#define PRINT(function, stream) function(NULL, stream)
#else
#define PRINT(function, stream) function(stream)
#endif
#if PY_VERSION_HEX >= 0x030D0000
#define ENTER(op, force) _Py_AddToAllObjects(op)
#define ORDERED 0
#else
#define ENTER(op, force) _Py_AddToAllObjects(op, force)
#define ORDERED 1
#endif
enum { OBJECTS = 5 };

static PyObject *ops[OBJECTS];
static char *text;

/* Lists all objects into `text`. */
static void list(int by_address)
{
    size_t size;
    free(text);
    FILE *stream = open_memstream(&text, &size);
    if (by_address) {
        PRINT(_Py_PrintReferenceAddresses, stream);
    }
    else {
        PRINT(_Py_PrintReferences, stream);
    }
    fclose(stream);
}
static int lines(void)
{
    int n = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        n++;
    }
    return n;
}

static void make(void)
{
    for (int i = 0; i < OBJECTS; i++) {
        ops[i] = (PyObject *)new_thing(i);
    }
}
static void end(void)
{
    for (int i = 0; i < OBJECTS; i++) {
        Py_CLEAR(ops[i]);
    }
}

static void addresses(void)
{
    char line[100], *at;
    list(1);
    CHECK(strcmp(text, "Remaining object addresses:\n") == 0);
    make();
    Py_INCREF(ops[2]);
    list(1);
    CHECK(strncmp(text, "Remaining object addresses:\n", 28) == 0 && lines() == 1 + OBJECTS);
    at = text + 27;
    for (int i = OBJECTS - 1; i >= 0; i--) {
        snprintf(line, sizeof line, "\n%p [%d] Thing\n", (void *)ops[i], i == 2 ? 2 : 1);
        char *found = strstr(text, line);
        CHECK(found != NULL && (!ORDERED || found == at));
        at = ORDERED && found ? found + strlen(line) - 1 : at;
    }
    Py_DECREF(ops[2]);
    end();
}

static void representations(void)
{
    char line[100];
    PyObject *op = (PyObject *)new_thing(1);
    list(0);
    snprintf(line, sizeof line, "Remaining objects:\n%p [1] <Thing object at %p>\n", (void *)op, (void *)op);
    CHECK(strcmp(text, line) == 0);
    Py_SET_REFCNT(op, 0);
    list(0);
    snprintf(line, sizeof line, "Remaining objects:\n%p [0] <refcnt 0 at %p>\n", (void *)op, (void *)op);
    CHECK(strcmp(text, line) == 0);
    Py_SET_REFCNT(op, 1);
    Py_DECREF(op);
}

static void enters_once(void)
{
    make();
    ENTER(ops[1], 0);
    list(1);
    EQUAL(lines(), 1 + OBJECTS);
    _Py_ForgetReference(ops[1]);
    list(1);
    EQUAL(lines(), OBJECTS);
#if ORDERED
    CHECK(ops[1]->_ob_next == NULL && ops[1]->_ob_prev == NULL && ops[2]->_ob_next == ops[0]);
#endif
    ENTER(ops[1], 0);
    _Py_ForgetReference(ops[0]);
    ENTER(ops[0], 1);
#if ORDERED
    CHECK(ops[0]->_ob_next == ops[1] && ops[1]->_ob_prev == ops[0] && ops[2]->_ob_prev == ops[3]);
#endif
    list(1);
    EQUAL(lines(), 1 + OBJECTS);
    end();
    list(1);
    EQUAL(lines(), 1);
}

/* A stream whose write function drops and makes objects. */
static ssize_t disturb(void *cookie, const char *data, size_t size)
{
    int *writes = cookie;
    (void)data;
    switch (++*writes) {
    case 2: Py_CLEAR(ops[4]); Py_CLEAR(ops[3]); ops[4] = (PyObject *)new_thing(4); break;
    case 3: Py_CLEAR(ops[2]); Py_CLEAR(ops[0]); break;
    default: break;
    }
    return (ssize_t)size;
}
static void survives_births_and_deaths(void)
{
    int writes = 0;
    make();
    FILE *stream = fopencookie(&writes, "w", (cookie_io_functions_t){ .write = disturb });
    setvbuf(stream, NULL, _IONBF, 0);
    PRINT(_Py_PrintReferenceAddresses, stream);
    fclose(stream);
    CHECK(writes >= 3);
    list(1);
    EQUAL(lines(), 1 + 2);
    Py_CLEAR(ops[1]);
    Py_CLEAR(ops[4]);
}

/* ---- A list that is wrong ---- */

static void forgotten_twice(void)
{
    make();
    _Py_ForgetReference(ops[1]);
    _Py_ForgetReference(ops[1]);
}
static void dies_unlisted(void)
{
    make();
    _Py_ForgetReference(ops[1]);
    Py_DECREF(ops[1]);
}
#if PY_VERSION_HEX < 0x030E0000
static void negative(void)
{
    make();
    ops[1]->ob_refcnt = -1;
    _Py_ForgetReference(ops[1]);
}
#endif
#if PY_VERSION_HEX < 0x030D0000
static void broken(void)
{
    make();
    ops[2]->_ob_prev = ops[0];
    Py_DECREF(ops[2]);
}
static void broken_next(void)
{
    make();
    ops[3]->_ob_next = ops[0];
    Py_DECREF(ops[2]);
}
#endif
#endif

int main(void)
{
#ifdef Py_TRACE_REFS
    RUN(addresses);
    RUN(representations);
    RUN(enters_once);
    RUN(survives_births_and_deaths);
    free(text);
    const char *const broken_text = PY_VERSION_HEX >= 0x030D0000 ? "object not found in the objects list"
                                    : PY_VERSION_HEX >= 0x03090000 ? "invalid object chain" : "UNREF invalid object";
    expect_death("forgotten twice", SIGABRT, forgotten_twice, broken_text, "Fatal Python error: ");
    expect_death("dies unlisted", SIGABRT, dies_unlisted, broken_text, "Fatal Python error: ");
#if PY_VERSION_HEX < 0x030E0000
    expect_death("negative", SIGABRT, negative, PY_VERSION_HEX >= 0x03090000 ? "negative refcnt" : "UNREF negative refcnt");
#endif
#if PY_VERSION_HEX < 0x030D0000
    expect_death("broken chain", SIGABRT, broken, broken_text, "Fatal Python error: ");
    expect_death("broken chain before it", SIGABRT, broken_next, broken_text, "Fatal Python error: ");
#endif
#endif
    return summary();
}
