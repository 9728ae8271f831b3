/* The loops that count the instructions of exported functions, on each important path. */

#include "bench_objects.h"

/* Declares the exported function, which may also be a macro's name. It is NULL if the library does not export it. */
#define EXPORTED(result, name, ...) extern result x##name(__VA_ARGS__) __asm__(#name) __attribute__((weak));

EXPORTED(void, Py_IncRef, PyObject *)
EXPORTED(void, Py_DecRef, PyObject *)
EXPORTED(void, _Py_IncRef, PyObject *)
EXPORTED(void, _Py_DecRef, PyObject *)
EXPORTED(PyObject *, Py_NewRef, PyObject *)
EXPORTED(PyObject *, Py_XNewRef, PyObject *)
EXPORTED(int, Py_Is, PyObject *, PyObject *)
EXPORTED(int, Py_IsNone, PyObject *)
EXPORTED(int, Py_IsTrue, PyObject *)
EXPORTED(int, Py_IsFalse, PyObject *)
EXPORTED(unsigned long, PyType_GetFlags, PyTypeObject *)
EXPORTED(void, PyUnstable_Object_ClearWeakRefsNoCallbacks, PyObject *)
EXPORTED(PyObject *, _PyTraceMalloc_GetTraceback, unsigned, uintptr_t)
EXPORTED(void, _Py_SetRefcnt, PyObject *, Py_ssize_t)
EXPORTED(Py_ssize_t, Py_REFCNT, PyObject *)
EXPORTED(PyTypeObject *, Py_TYPE, PyObject *)
EXPORTED(Py_ssize_t, Py_SIZE, PyObject *)
EXPORTED(int, Py_IS_TYPE, PyObject *, PyTypeObject *)
EXPORTED(void, Py_SET_SIZE, PyVarObject *, Py_ssize_t)
EXPORTED(int, PyUnstable_IsImmortal, PyObject *)
EXPORTED(int, PyUnstable_TryIncRef, PyObject *)
EXPORTED(void, PyUnstable_EnableTryIncRef, PyObject *)
EXPORTED(int, PyUnstable_Object_IsUniquelyReferenced, PyObject *)
EXPORTED(int, PyUnstable_Object_IsUniqueReferencedTemporary, PyObject *)
EXPORTED(int, PyUnstable_Object_EnableDeferredRefcount, PyObject *)
EXPORTED(int, PyUnstable_SetImmortal, PyObject *)
EXPORTED(void, _Py_SetImmortal, PyObject *)
EXPORTED(void, _Py_SetImmortalUntracked, PyObject *)
EXPORTED(void, _Py_DecRefShared, PyObject *)
EXPORTED(void, _Py_DecRefSharedDebug, PyObject *, const char *, int)
EXPORTED(void, _Py_MergeZeroLocalRefcount, PyObject *)
EXPORTED(uintptr_t, _Py_GetThreadLocal_Addr, void)
EXPORTED(void, _Py_NewReference, PyObject *)
EXPORTED(void, _Py_NewReferenceNoTotal, PyObject *)
EXPORTED(void, _Py_ResurrectReference, PyObject *)
EXPORTED(PyObject *, PyObject_Init, PyObject *, PyTypeObject *)
EXPORTED(PyVarObject *, PyObject_InitVar, PyVarObject *, PyTypeObject *, Py_ssize_t)
EXPORTED(void, _Py_Dealloc, PyObject *)
EXPORTED(void, PyObject_CallFinalizer, PyObject *)
EXPORTED(int, PyObject_CallFinalizerFromDealloc, PyObject *)
EXPORTED(int, _PyTrash_begin, void *, PyObject *)
EXPORTED(void, _PyTrash_end, void *)
EXPORTED(int, _PyTrash_cond, PyObject *, destructor)
EXPORTED(void, _PyTrash_deposit_object, PyObject *)
EXPORTED(void, _PyTrash_destroy_chain, void)
#if PY_VERSION_HEX >= 0x030D0000
EXPORTED(void, _PyTrash_thread_deposit_object, void *, PyObject *)
EXPORTED(void, _PyTrash_thread_destroy_chain, void *)
#define ASIDE(thread, op) x_PyTrash_thread_deposit_object(thread, op)
#define DRAIN(thread) x_PyTrash_thread_destroy_chain(thread)
#else
EXPORTED(void, _PyTrash_thread_deposit_object, PyObject *)
EXPORTED(void, _PyTrash_thread_destroy_chain, void)
#define ASIDE(thread, op) x_PyTrash_thread_deposit_object(op)
#define DRAIN(thread) x_PyTrash_thread_destroy_chain()
#endif
EXPORTED(int, PyTraceMalloc_Track, unsigned, uintptr_t, size_t)
EXPORTED(int, PyTraceMalloc_Untrack, unsigned, uintptr_t)
EXPORTED(int, _PyTraceMalloc_NewReference, PyObject *)
typedef int (*Tracer)(PyObject *, int, void *);
EXPORTED(int, PyRefTracer_SetTracer, Tracer, void *)
EXPORTED(Tracer, PyRefTracer_GetTracer, void **)
EXPORTED(Py_ssize_t, _Py_GetRefTotal, void)
EXPORTED(Py_ssize_t, _Py_GetGlobalRefTotal, void)
EXPORTED(Py_ssize_t, _Py_GetLegacyRefTotal, void)
EXPORTED(Py_ssize_t, _PyInterpreterState_GetRefTotal, void *)
EXPORTED(void, _Py_INCREF_IncRefTotal, void)
EXPORTED(void, _Py_DECREF_DecRefTotal, void)
EXPORTED(void, _Py_IncRefTotal, void *)
EXPORTED(void, _Py_DecRefTotal, void *)
EXPORTED(void, _Py_ForgetReference, PyObject *)
EXPORTED(void, _Py_AddToAllObjects, PyObject *, int)

/* CPython's trashcan needs a thread state, and its totals need an interpreter. */
#ifdef AGAINST_PYTHON_H
#define THREAD PyThreadState_Get()
#define INTERPRETER PyInterpreterState_Main()
#else
#define THREAD NULL
#define INTERPRETER NULL
#endif

static void resurrect(PyObject *op)
{
    Py_INCREF(op);
}

static PyTypeObject resurrected_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "bench.resurrected",
    .tp_basicsize = sizeof(Node),
    .tp_dealloc = resurrect,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_finalize = resurrect,
};

static int tracer(PyObject *op, int event, void *data)
{
    (void)op, (void)event, (void)data;
    return 0;
}

#define OF(type) op = object_of(&plain, &type)
#define OF_TYPE(type) Py_SET_TYPE(op, &type)
#define DYING(type) OF(type); set_count(op, 0)

#define LOOP(function, rest, setup, turn) BODY(LOOP_NAME, setup, turn)
#include "bench_functions.inc"
#undef LOOP

#define LOOP(function, rest, setup, turn) {#function rest, LOOP_NAME, 1, 'f', (const void *)x##function},
const Body bench_functions[] = {
#include "bench_functions.inc"
    {NULL, NULL, 0, 0, NULL},
};
