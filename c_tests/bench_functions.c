/* The loops that count the instructions of exported functions, each with the paths that matter. */

#include "bench_objects.h"

/* Calls the exported function of that name, whatever macro has the name too, if the library exports it. */
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

/* CPython's trashcan and totals want to be told where they are. */
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

/* ---- Counting ---- */

BODY(incref, , xPy_IncRef(op))
BODY(incref_null, NOBODY, xPy_IncRef(op))
BODY(incref_immortal, IMMORTAL, xPy_IncRef(op))
BODY(incref_foreign, FOREIGN, xPy_IncRef(op))
BODY(decref, MANY, xPy_DecRef(op))
BODY(decref_null, NOBODY, xPy_DecRef(op))
BODY(decref_immortal, IMMORTAL, xPy_DecRef(op))
BODY(decref_foreign, FOREIGN, xPy_DecRef(op))
BODY(decref_last, START_DEAD, BEAR(op); Py_SET_REFCNT(op, 1); HIDE(op); xPy_DecRef(op))
BODY(decref_last_container, START_DEAD; OF_TYPE(container_type), BEAR(op); Py_SET_REFCNT(op, 1); HIDE(op); xPy_DecRef(op))
BODY(pair, MANY, xPy_IncRef(op); xPy_DecRef(op))
BODY(incref_nonnull, , x_Py_IncRef(op))
BODY(incref_nonnull_immortal, IMMORTAL, x_Py_IncRef(op))
BODY(decref_nonnull, MANY, x_Py_DecRef(op))
BODY(decref_nonnull_immortal, IMMORTAL, x_Py_DecRef(op))
BODY(decref_nonnull_last, START_DEAD, BEAR(op); Py_SET_REFCNT(op, 1); HIDE(op); x_Py_DecRef(op))
BODY(new_ref, , USE(xPy_NewRef(op)))
BODY(new_ref_immortal, IMMORTAL, USE(xPy_NewRef(op)))
BODY(xnew_ref, , USE(xPy_XNewRef(op)))
BODY(xnew_ref_null, NOBODY, USE(xPy_XNewRef(op)))
BODY(is, , USE((long)xPy_Is(op, old)))
BODY(is_none, , USE((long)xPy_IsNone(op)))
BODY(is_true, , USE((long)xPy_IsTrue(op)))
BODY(is_false, , USE((long)xPy_IsFalse(op)))
BODY(get_flags, , USE(xPyType_GetFlags(&plain_type)))
BODY(clear_weakrefs, , xPyUnstable_Object_ClearWeakRefsNoCallbacks(op))
BODY(get_traceback, , USE(x_PyTraceMalloc_GetTraceback(0, 64)))
BODY(set_refcnt, , x_Py_SetRefcnt(op, 5))
BODY(set_refcnt_immortal, IMMORTAL, x_Py_SetRefcnt(op, 5))
BODY(refcnt, , USE(xPy_REFCNT(op)))
BODY(type, , USE(xPy_TYPE(op)))
BODY(size, , USE(xPy_SIZE(op)))
BODY(is_type, , USE((long)xPy_IS_TYPE(op, &plain_type)))
BODY(set_size, , xPy_SET_SIZE((PyVarObject *)op, 5))

/* ---- Immortal objects, and those that may be dying ---- */

BODY(is_immortal, , USE((long)xPyUnstable_IsImmortal(op)))
BODY(is_immortal_immortal, IMMORTAL, USE((long)xPyUnstable_IsImmortal(op)))
BODY(try_incref, , USE((long)xPyUnstable_TryIncRef(op)))
BODY(try_incref_immortal, IMMORTAL, USE((long)xPyUnstable_TryIncRef(op)))
BODY(enable_try_incref, , xPyUnstable_EnableTryIncRef(op))
BODY(is_unique, , USE((long)xPyUnstable_Object_IsUniquelyReferenced(op)))
BODY(is_temporary, , USE((long)xPyUnstable_Object_IsUniqueReferencedTemporary(op)))
BODY(enable_deferred, , USE((long)xPyUnstable_Object_EnableDeferredRefcount(op)))
BODY(set_immortal_if_unique, set_count(op, 2), USE((long)xPyUnstable_SetImmortal(op)))
BODY(set_immortal, , x_Py_SetImmortal(op))
BODY(set_immortal_untracked, , x_Py_SetImmortalUntracked(op))

/* ---- Shared between threads ---- */

BODY(decref_shared, FOREIGN, x_Py_DecRefShared(op))
BODY(decref_shared_debug, FOREIGN, x_Py_DecRefSharedDebug(op, __FILE__, 1))
#ifdef Py_GIL_DISABLED
BODY(merge_zero, uintptr_t me = op->ob_tid; START_DEAD, BEAR(op); op->ob_tid = me; op->ob_ref_local = 0; op->ob_ref_shared = 0;
    HIDE(op); x_Py_MergeZeroLocalRefcount(op))
BODY(merge_zero_shared, uintptr_t me = op->ob_tid, op->ob_tid = me; op->ob_ref_local = 0; op->ob_ref_shared = 4;
    HIDE(op); x_Py_MergeZeroLocalRefcount(op))
#endif
BODY(thread_local, , USE(x_Py_GetThreadLocal_Addr()))

/* ---- Birth ---- */

BODY(new_reference, START_DEAD, x_Py_NewReference(op); BURY(op))
BODY(new_reference_container, START_DEAD; OF_TYPE(container_type), x_Py_NewReference(op); BURY(op))
BODY(no_total, START_DEAD, x_Py_NewReferenceNoTotal(op); BURY(op))
BODY(resurrect_reference, set_count(op, 1), x_Py_ResurrectReference(op))
BODY(init, START_DEAD, USE(xPyObject_Init(op, &plain_type)); BURY(op))
BODY(init_heap, START_DEAD, USE(xPyObject_Init(op, &heap_type.type)); BURY(op))
BODY(init_var, START_DEAD, USE(xPyObject_InitVar((PyVarObject *)op, &plain_type, 0)); BURY(op))
BODY(init_var_heap, START_DEAD, USE(xPyObject_InitVar((PyVarObject *)op, &heap_type.type, 0)); BURY(op))

/* ---- Death ---- */

BODY(dealloc, set_count(op, 0); START_DEAD, BEAR(op); x_Py_Dealloc(op))
BODY(dealloc_container, DYING(container_type); START_DEAD; OF_TYPE(container_type), BEAR(op); x_Py_Dealloc(op))
BODY(finalizer_none, , xPyObject_CallFinalizer(op))
BODY(finalizer, OF(finalized_type), xPyObject_CallFinalizer(op))
BODY(finalizer_first, OF(finalized_container_type),
    plain.gc[1] = 0; Py_SET_REFCNT(op, 1); HIDE(op); xPyObject_CallFinalizer(op))
BODY(finalizer_again, OF(finalized_container_type), xPyObject_CallFinalizer(op))
BODY(from_dealloc_none, set_count(op, 0), USE((long)xPyObject_CallFinalizerFromDealloc(op)))
BODY(from_dealloc, DYING(finalized_type), USE((long)xPyObject_CallFinalizerFromDealloc(op)))
BODY(from_dealloc_kept, DYING(resurrected_type),
    Py_SET_REFCNT(op, 0); HIDE(op); USE((long)xPyObject_CallFinalizerFromDealloc(op)))

/* ---- Trashcan ---- */

BODY(trash, OF(container_type); void *thread = THREAD, USE((long)x_PyTrash_begin(thread, op)); x_PyTrash_end(thread))
BODY(trash_cond, OF(link_type), USE((long)x_PyTrash_cond(op, link_type.tp_dealloc)))
BODY(deposit, DYING(container_type); START_DEAD; OF_TYPE(container_type), BEAR(op); x_PyTrash_deposit_object(op); x_PyTrash_destroy_chain())
BODY(thread_deposit, DYING(container_type); START_DEAD; OF_TYPE(container_type); void *thread = THREAD; (void)thread,
    BEAR(op); ASIDE(thread, op); DRAIN(thread))
BODY(thread_drain, void *thread = THREAD; (void)thread, DRAIN(thread))

/* ---- tracemalloc and tracer ---- */

BODY(track, , USE((long)xPyTraceMalloc_Track(0, 64, 64)))
BODY(untrack, , USE((long)xPyTraceMalloc_Untrack(0, 64)))
BODY(hook, , USE((long)x_PyTraceMalloc_NewReference(op)))
BODY(set_tracer, , USE((long)xPyRefTracer_SetTracer(tracer, NULL)); xPyRefTracer_SetTracer(NULL, NULL))
BODY(get_tracer, void *data, USE(xPyRefTracer_GetTracer(&data)))
BODY(get_tracer_null, , USE(xPyRefTracer_GetTracer(NULL)))

/* ---- Totals and the list of all objects ---- */

BODY(total, , USE(x_Py_GetRefTotal()))
BODY(total_global, , USE(x_Py_GetGlobalRefTotal()))
BODY(total_legacy, , USE(x_Py_GetLegacyRefTotal()))
BODY(total_interpreter, void *interpreter = INTERPRETER, USE(x_PyInterpreterState_GetRefTotal(interpreter)))
BODY(total_incref, , x_Py_INCREF_IncRefTotal())
BODY(total_decref, , x_Py_DECREF_DecRefTotal())
BODY(total_inc, void *thread = THREAD, x_Py_IncRefTotal(thread))
BODY(total_dec, void *thread = THREAD, x_Py_DecRefTotal(thread))
#ifdef Py_TRACE_REFS
BODY(forget, , x_Py_ForgetReference(op); x_Py_NewReference(op))
#else
BODY(forget, , x_Py_ForgetReference(op))
#endif
BODY(add_again, , x_Py_AddToAllObjects(op, 0))

#define ROW(name, body, function) {name, body, 1, 'f', (const void *)x##function}
#if PY_VERSION_HEX >= 0x030C0000
#define ROW_3_12(name, body, function) ROW(name, body, function),
#else
#define ROW_3_12(name, body, function)
#endif

const Body bench_functions[] = {
    ROW("Py_IncRef", incref, Py_IncRef),
    ROW("Py_IncRef, NULL", incref_null, Py_IncRef),
    ROW_3_12("Py_IncRef, immortal", incref_immortal, Py_IncRef)
    ROW("Py_DecRef", decref, Py_DecRef),
    ROW("Py_DecRef, NULL", decref_null, Py_DecRef),
    ROW_3_12("Py_DecRef, immortal", decref_immortal, Py_DecRef)
    ROW("Py_DecRef, last reference" WITH_BIRTH, decref_last, Py_DecRef),
    ROW("Py_DecRef, last reference of a container" WITH_BIRTH, decref_last_container, Py_DecRef),
#ifdef Py_GIL_DISABLED
    ROW("Py_IncRef + Py_DecRef, on the owning thread", pair, Py_IncRef),
    ROW("Py_IncRef, shared", incref_foreign, Py_IncRef),
    ROW("Py_DecRef, shared", decref_foreign, Py_DecRef),
#else
    ROW("Py_IncRef + Py_DecRef", pair, Py_IncRef),
#endif
    ROW("_Py_IncRef", incref_nonnull, _Py_IncRef),
    ROW_3_12("_Py_IncRef, immortal", incref_nonnull_immortal, _Py_IncRef)
    ROW("_Py_DecRef", decref_nonnull, _Py_DecRef),
    ROW_3_12("_Py_DecRef, immortal", decref_nonnull_immortal, _Py_DecRef)
    ROW("_Py_DecRef, last reference" WITH_BIRTH, decref_nonnull_last, _Py_DecRef),
    ROW("Py_NewRef", new_ref, Py_NewRef),
    ROW_3_12("Py_NewRef, immortal", new_ref_immortal, Py_NewRef)
    ROW("Py_XNewRef", xnew_ref, Py_XNewRef),
    ROW("Py_XNewRef, NULL", xnew_ref_null, Py_XNewRef),
    ROW("Py_Is", is, Py_Is),
    ROW("Py_IsNone", is_none, Py_IsNone),
    ROW("Py_IsTrue", is_true, Py_IsTrue),
    ROW("Py_IsFalse", is_false, Py_IsFalse),
    ROW("PyType_GetFlags", get_flags, PyType_GetFlags),
    ROW("PyUnstable_Object_ClearWeakRefsNoCallbacks, type without them", clear_weakrefs,
        PyUnstable_Object_ClearWeakRefsNoCallbacks),
    ROW("_PyTraceMalloc_GetTraceback, not tracing", get_traceback, _PyTraceMalloc_GetTraceback),
    ROW("_Py_SetRefcnt", set_refcnt, _Py_SetRefcnt),
    ROW("_Py_SetRefcnt, immortal", set_refcnt_immortal, _Py_SetRefcnt),
    ROW("Py_REFCNT", refcnt, Py_REFCNT),
    ROW("Py_TYPE", type, Py_TYPE),
    ROW("Py_SIZE", size, Py_SIZE),
    ROW("Py_IS_TYPE", is_type, Py_IS_TYPE),
    ROW("Py_SET_SIZE", set_size, Py_SET_SIZE),
    ROW("PyUnstable_IsImmortal", is_immortal, PyUnstable_IsImmortal),
    ROW("PyUnstable_IsImmortal, immortal", is_immortal_immortal, PyUnstable_IsImmortal),
    ROW("PyUnstable_TryIncRef", try_incref, PyUnstable_TryIncRef),
    ROW("PyUnstable_TryIncRef, immortal", try_incref_immortal, PyUnstable_TryIncRef),
    ROW("PyUnstable_EnableTryIncRef", enable_try_incref, PyUnstable_EnableTryIncRef),
    ROW("PyUnstable_Object_IsUniquelyReferenced", is_unique, PyUnstable_Object_IsUniquelyReferenced),
    ROW("PyUnstable_Object_IsUniqueReferencedTemporary", is_temporary, PyUnstable_Object_IsUniqueReferencedTemporary),
    ROW("PyUnstable_Object_EnableDeferredRefcount, no container", enable_deferred,
        PyUnstable_Object_EnableDeferredRefcount),
    ROW("PyUnstable_SetImmortal, not unique", set_immortal_if_unique, PyUnstable_SetImmortal),
    ROW("_Py_SetImmortal, again", set_immortal, _Py_SetImmortal),
    ROW("_Py_SetImmortalUntracked, again", set_immortal_untracked, _Py_SetImmortalUntracked),
    ROW("_Py_DecRefShared", decref_shared, _Py_DecRefShared),
    ROW("_Py_DecRefSharedDebug", decref_shared_debug, _Py_DecRefSharedDebug),
#ifdef Py_GIL_DISABLED
    ROW("_Py_MergeZeroLocalRefcount, to its death" WITH_BIRTH, merge_zero, _Py_MergeZeroLocalRefcount),
    ROW("_Py_MergeZeroLocalRefcount, still shared", merge_zero_shared, _Py_MergeZeroLocalRefcount),
#endif
    ROW("_Py_GetThreadLocal_Addr", thread_local, _Py_GetThreadLocal_Addr),
    ROW("_Py_NewReference" WITH_DEATH, new_reference, _Py_NewReference),
    ROW("_Py_NewReference, container" WITH_DEATH, new_reference_container, _Py_NewReference),
    ROW("_Py_NewReferenceNoTotal" WITH_DEATH, no_total, _Py_NewReferenceNoTotal),
    ROW("_Py_ResurrectReference", resurrect_reference, _Py_ResurrectReference),
    ROW("PyObject_Init, static type" WITH_DEATH, init, PyObject_Init),
    ROW("PyObject_Init, heap type" WITH_DEATH, init_heap, PyObject_Init),
    ROW("PyObject_InitVar, static type" WITH_DEATH, init_var, PyObject_InitVar),
    ROW("PyObject_InitVar, heap type" WITH_DEATH, init_var_heap, PyObject_InitVar),
    ROW("_Py_Dealloc" WITH_BIRTH, dealloc, _Py_Dealloc),
    ROW("_Py_Dealloc, container" WITH_BIRTH, dealloc_container, _Py_Dealloc),
    ROW("PyObject_CallFinalizer, type without one", finalizer_none, PyObject_CallFinalizer),
    ROW("PyObject_CallFinalizer", finalizer, PyObject_CallFinalizer),
    ROW("PyObject_CallFinalizer, container", finalizer_first, PyObject_CallFinalizer),
    ROW("PyObject_CallFinalizer, container again", finalizer_again, PyObject_CallFinalizer),
    ROW("PyObject_CallFinalizerFromDealloc, type without one", from_dealloc_none, PyObject_CallFinalizerFromDealloc),
    ROW("PyObject_CallFinalizerFromDealloc", from_dealloc, PyObject_CallFinalizerFromDealloc),
#ifndef Py_TRACE_REFS
    ROW("PyObject_CallFinalizerFromDealloc, resurrected", from_dealloc_kept, PyObject_CallFinalizerFromDealloc),
#endif
    ROW("_PyTrash_begin + _PyTrash_end", trash, _PyTrash_begin),
    ROW("_PyTrash_cond", trash_cond, _PyTrash_cond),
    ROW("_PyTrash_deposit_object + _PyTrash_destroy_chain" WITH_BIRTH, deposit, _PyTrash_deposit_object),
    ROW("_PyTrash_thread_deposit_object + _PyTrash_thread_destroy_chain" WITH_BIRTH, thread_deposit,
        _PyTrash_thread_deposit_object),
    ROW("_PyTrash_thread_destroy_chain, nothing put aside", thread_drain, _PyTrash_thread_destroy_chain),
    ROW("PyTraceMalloc_Track, not tracing", track, PyTraceMalloc_Track),
    ROW("PyTraceMalloc_Untrack, not tracing", untrack, PyTraceMalloc_Untrack),
    ROW("_PyTraceMalloc_NewReference, not tracing", hook, _PyTraceMalloc_NewReference),
    ROW("PyRefTracer_SetTracer, set and removed", set_tracer, PyRefTracer_SetTracer),
    ROW("PyRefTracer_GetTracer", get_tracer, PyRefTracer_GetTracer),
    ROW("PyRefTracer_GetTracer, without data", get_tracer_null, PyRefTracer_GetTracer),
    ROW("_Py_GetRefTotal", total, _Py_GetRefTotal),
    ROW("_Py_GetGlobalRefTotal", total_global, _Py_GetGlobalRefTotal),
    ROW("_Py_GetLegacyRefTotal", total_legacy, _Py_GetLegacyRefTotal),
    ROW("_PyInterpreterState_GetRefTotal", total_interpreter, _PyInterpreterState_GetRefTotal),
    ROW("_Py_INCREF_IncRefTotal", total_incref, _Py_INCREF_IncRefTotal),
    ROW("_Py_DECREF_DecRefTotal", total_decref, _Py_DECREF_DecRefTotal),
    ROW("_Py_IncRefTotal", total_inc, _Py_IncRefTotal),
    ROW("_Py_DecRefTotal", total_dec, _Py_DecRefTotal),
#ifdef Py_TRACE_REFS
    ROW("_Py_ForgetReference, with the birth", forget, _Py_ForgetReference),
#else
    ROW("_Py_ForgetReference", forget, _Py_ForgetReference),
#endif
    ROW("_Py_AddToAllObjects, already there", add_again, _Py_AddToAllObjects),
    {NULL, NULL, 0, 0, NULL},
};
