/* The loops that count the instructions of inline functions and macros, each with the paths that matter. */

#include "bench_objects.h"

BODY(incref, , Py_INCREF(op))
BODY(incref_immortal, IMMORTAL, Py_INCREF(op))
BODY(incref_foreign, FOREIGN, Py_INCREF(op))
BODY(xincref, , Py_XINCREF(op))
BODY(xincref_null, NOBODY, Py_XINCREF(op))
BODY(decref, MANY, Py_DECREF(op))
BODY(decref_immortal, IMMORTAL, Py_DECREF(op))
BODY(decref_foreign, FOREIGN, Py_DECREF(op))
BODY(decref_last, START_DEAD, BEAR(op); Py_SET_REFCNT(op, 1); HIDE(op); Py_DECREF(op))
BODY(xdecref, MANY, Py_XDECREF(op))
BODY(xdecref_null, NOBODY, Py_XDECREF(op))
BODY(clear, MANY, place = op; HIDE(op); Py_CLEAR(place))
BODY(clear_null, place = NULL, Py_CLEAR(place))
BODY(setref, MANY; place = old, Py_SETREF(place, op))
BODY(xsetref, MANY; place = old, Py_XSETREF(place, op))
BODY(xsetref_null, , place = NULL; HIDE(op); Py_XSETREF(place, op))
BODY(new_ref, , USE(Py_NewRef(op)))
BODY(xnew_ref, , USE(Py_XNewRef(op)))
BODY(xnew_ref_null, NOBODY, USE(Py_XNewRef(op)))
BODY(is, , USE((long)Py_Is(op, old)))
BODY(refcnt, , USE(Py_REFCNT(op)))
BODY(set_refcnt, , Py_SET_REFCNT(op, 5))
BODY(set_refcnt_immortal, IMMORTAL, Py_SET_REFCNT(op, 5))
BODY(type, , USE(Py_TYPE(op)))
BODY(set_type, , Py_SET_TYPE(op, &plain_type))
BODY(is_type, , USE((long)Py_IS_TYPE(op, &link_type)))
BODY(size, , USE(Py_SIZE(op)))
BODY(set_size, , Py_SET_SIZE((PyVarObject *)op, 5))
#if PY_VERSION_HEX >= 0x030C0000
BODY(is_immortal, , USE((long)_Py_IsImmortal(op)))
#endif
#if PY_VERSION_HEX >= 0x030E0000
BODY(is_static_immortal, , USE((long)_Py_IsStaticImmortal(op)))
#endif
#ifdef Py_GIL_DISABLED
BODY(is_owned, , USE((long)_Py_IsOwnedByCurrentThread(op)))
BODY(thread_id, , USE(_Py_ThreadId()))
#endif

#if PY_VERSION_HEX < 0x03090000 && !defined(Py_TRACE_REFS)
BODY(new_reference, , _Py_NewReference(op))
#endif

static int visited(PyObject *op, void *arg)
{
    (void)op, (void)arg;
    return 0;
}

__attribute__((noinline)) static int traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(op);
    return 0;
}

BODY(visit, , USE((long)traverse(op, visited, NULL)))

static void end_container(PyObject *op)
{
    Py_TRASHCAN_BEGIN(op, end_container)
    USE(op);
    Py_TRASHCAN_END
}

static PyTypeObject trash_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "bench.trash",
    .tp_basicsize = sizeof(Node),
    .tp_dealloc = end_container,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
};

BODY(trashcan, op = object_of(&plain, &trash_type), HIDE(op); end_container(op))

#define ROW(name, body) {name, body, 1, 'i', NULL}
#if PY_VERSION_HEX >= 0x030C0000
#define ROW_3_12(name, body) ROW(name, body),
#else
#define ROW_3_12(name, body)
#endif
#ifdef Py_GIL_DISABLED
#define ROW_T(name, body) ROW(name, body),
#else
#define ROW_T(name, body)
#endif

const Body bench_inlines[] = {
    ROW("Py_INCREF", incref),
    ROW_3_12("Py_INCREF, immortal", incref_immortal)
    ROW_T("Py_INCREF, shared", incref_foreign)
    ROW("Py_XINCREF", xincref),
    ROW("Py_XINCREF, NULL", xincref_null),
    ROW("Py_DECREF", decref),
    ROW_3_12("Py_DECREF, immortal", decref_immortal)
    ROW_T("Py_DECREF, shared", decref_foreign)
    ROW("Py_DECREF, last reference" WITH_BIRTH, decref_last),
    ROW("Py_XDECREF", xdecref),
    ROW("Py_XDECREF, NULL", xdecref_null),
    ROW("Py_CLEAR", clear),
    ROW("Py_CLEAR, NULL", clear_null),
    ROW("Py_SETREF", setref),
    ROW("Py_XSETREF", xsetref),
    ROW("Py_XSETREF, NULL", xsetref_null),
    ROW("Py_NewRef", new_ref),
    ROW("Py_XNewRef", xnew_ref),
    ROW("Py_XNewRef, NULL", xnew_ref_null),
    ROW("Py_Is", is),
    ROW("Py_REFCNT", refcnt),
    ROW("Py_SET_REFCNT", set_refcnt),
    ROW_3_12("Py_SET_REFCNT, immortal", set_refcnt_immortal)
    ROW("Py_TYPE", type),
    ROW("Py_SET_TYPE", set_type),
    ROW("Py_IS_TYPE", is_type),
    ROW("Py_SIZE", size),
    ROW("Py_SET_SIZE", set_size),
    ROW_3_12("_Py_IsImmortal", is_immortal)
#if PY_VERSION_HEX >= 0x030E0000
    ROW("_Py_IsStaticImmortal", is_static_immortal),
#endif
    ROW_T("_Py_IsOwnedByCurrentThread", is_owned)
    ROW_T("_Py_ThreadId", thread_id)
#if PY_VERSION_HEX < 0x03090000 && !defined(Py_TRACE_REFS)
    ROW("_Py_NewReference", new_reference),
#endif
    ROW("Py_VISIT", visit),
    ROW("Py_TRASHCAN_BEGIN + Py_TRASHCAN_END", trashcan),
    {NULL, NULL, 0, 0, NULL},
};
