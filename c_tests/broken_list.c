/* The list of all objects when it is wrong (Py_TRACE_REFS): whoever leaves it and is not in it ends the process. */
#include "testing.h"
#include "things.h"

#ifdef Py_TRACE_REFS
static PyObject *ops[5];

static void make(void)
{
    for (int i = 0; i < 5; i++) {
        ops[i] = (PyObject *)new_thing(i);
    }
}

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
