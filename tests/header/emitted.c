/* Every counting construct of Python.h once, as an extension writes it. header_emitted.py compiles this file, never
 * links it, and reads the undefined symbols. OPAQUE_OBJECTS is defined if the limited API hides PyObject. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#ifdef Py_LIMITED_API
#define AT_LEAST(version) (Py_LIMITED_API + 0 >= (version))
#else
#define AT_LEAST(version) (PY_VERSION_HEX >= (version))
#endif

/* ---- Counting ---- */

void incref(PyObject *op) { Py_INCREF(op); }
void xincref(PyObject *op) { Py_XINCREF(op); }
void decref(PyObject *op) { Py_DECREF(op); }
void xdecref(PyObject *op) { Py_XDECREF(op); }
void inc_ref(PyObject *op) { Py_IncRef(op); }
void dec_ref(PyObject *op) { Py_DecRef(op); }
void clear(PyObject **place) { Py_CLEAR(*place); }
#ifndef Py_LIMITED_API
void setref(PyObject **place, PyObject *op) { Py_SETREF(*place, op); }
void xsetref(PyObject **place, PyObject *op) { Py_XSETREF(*place, op); }
#endif
#if PY_VERSION_HEX >= 0x030A0000 && AT_LEAST(0x030A0000)
PyObject *new_ref(PyObject *op) { return Py_NewRef(op); }
PyObject *xnew_ref(PyObject *op) { return Py_XNewRef(op); }
/* The functions behind the macros. */
PyObject *new_ref_called(PyObject *op) { return (Py_NewRef)(op); }
PyObject *xnew_ref_called(PyObject *op) { return (Py_XNewRef)(op); }
int is(PyObject *x, PyObject *y) { return Py_Is(x, y); }
int is_called(PyObject *x, PyObject *y) { return (Py_Is)(x, y); }
int is_none(PyObject *op) { return Py_IsNone(op); }
int is_singleton(PyObject *op) { return (Py_IsNone)(op) + (Py_IsTrue)(op) + (Py_IsFalse)(op); }
#endif
PyObject *return_none(void) { Py_RETURN_NONE; }
PyObject *return_true(void) { Py_RETURN_TRUE; }
PyObject *return_false(void) { Py_RETURN_FALSE; }
PyObject *return_not_implemented(void) { Py_RETURN_NOTIMPLEMENTED; }

/* ---- Fields ---- */

Py_ssize_t refcnt(PyObject *op) { return Py_REFCNT(op); }
PyTypeObject *type(PyObject *op) { return Py_TYPE(op); }
Py_ssize_t size(PyObject *op) { return Py_SIZE(op); }
#if PY_VERSION_HEX >= 0x03090000
int is_type(PyObject *op, PyTypeObject *ob_type) { return Py_IS_TYPE(op, ob_type); }
void set_refcnt(PyObject *op, Py_ssize_t number) { Py_SET_REFCNT(op, number); }
void set_size(PyVarObject *op, Py_ssize_t number) { Py_SET_SIZE(op, number); }
#ifndef OPAQUE_OBJECTS
void set_type(PyObject *op, PyTypeObject *ob_type) { Py_SET_TYPE(op, ob_type); }
#endif
#endif

/* ---- Birth ---- */

PyObject *object_new(PyTypeObject *ob_type) { return PyObject_New(PyObject, ob_type); }
PyVarObject *object_new_var(PyTypeObject *ob_type) { return PyObject_NewVar(PyVarObject, ob_type, 3); }
PyObject *init(PyObject *op, PyTypeObject *ob_type) { return PyObject_Init(op, ob_type); }
PyVarObject *init_var(PyVarObject *op, PyTypeObject *ob_type) { return PyObject_InitVar(op, ob_type, 3); }
#if !defined(Py_LIMITED_API) || PY_VERSION_HEX >= 0x03090000 /* These don't compile in the limited API of 3.8. */
PyObject *object_NEW(PyTypeObject *ob_type) { return PyObject_NEW(PyObject, ob_type); }
PyVarObject *object_NEW_VAR(PyTypeObject *ob_type) { return PyObject_NEW_VAR(PyVarObject, ob_type, 3); }
#ifndef OPAQUE_OBJECTS
PyObject *INIT(PyObject *op, PyTypeObject *ob_type) { return PyObject_INIT(op, ob_type); }
PyVarObject *INIT_VAR(PyVarObject *op, PyTypeObject *ob_type) { return PyObject_INIT_VAR(op, ob_type, 3); }
#endif
#endif
#ifndef Py_LIMITED_API
void new_reference(PyObject *op) { _Py_NewReference(op); }
#if PY_VERSION_HEX < 0x03090000 || PY_VERSION_HEX >= 0x030E0000 || \
    (defined(Py_TRACE_REFS) && PY_VERSION_HEX < 0x030D0000)
void forget_reference(PyObject *op) { _Py_ForgetReference(op); }
#endif
#if PY_VERSION_HEX >= 0x030C0000
void new_reference_no_total(PyObject *op) { _Py_NewReferenceNoTotal(op); }
#endif
#if PY_VERSION_HEX >= 0x030D0000
void resurrect_reference(PyObject *op) { _Py_ResurrectReference(op); }
#endif
#endif

/* ---- Death ---- */

#if !defined(Py_LIMITED_API) || AT_LEAST(0x030F0000)
void call_finalizer(PyObject *op) { PyObject_CallFinalizer(op); }
int call_finalizer_from_dealloc(PyObject *op) { return PyObject_CallFinalizerFromDealloc(op); }
#endif
void dealloc(PyObject *op) { _Py_Dealloc(op); }
#ifndef Py_LIMITED_API
void trashcan(PyObject *op)
{
    Py_TRASHCAN_BEGIN(op, trashcan)
    ((void (*)(void))0)();
    Py_TRASHCAN_END
}
#if PY_VERSION_HEX < 0x030D0000
void trashcan_safe(PyObject *op)
{
    Py_TRASHCAN_SAFE_BEGIN(op)
    ((void (*)(void))0)();
    Py_TRASHCAN_SAFE_END(op)
}
#endif
#ifdef _PyObject_ASSERT_FAILED_MSG
void assert_failed(PyObject *op) { _PyObject_ASSERT_FAILED_MSG(op, "message"); }
void assert_from(PyObject *op) { _PyObject_ASSERT_FROM(op, op != NULL, "message", "file", 1, "function"); }
#endif

/* ---- Tracers and totals ---- */

int track(void) { return PyTraceMalloc_Track(1, 2, 3) + PyTraceMalloc_Untrack(1, 2); }
#if PY_VERSION_HEX >= 0x030D0000
int tracer(PyRefTracer function) { return PyRefTracer_SetTracer(function, NULL); }
PyRefTracer tracer_of(void **data) { return PyRefTracer_GetTracer(data); }
#endif
#ifdef Py_REF_DEBUG
Py_ssize_t ref_total(void) { return _Py_GetRefTotal(); }
#endif

/* ---- Unstable ---- */

#if PY_VERSION_HEX >= 0x030D0000
void clear_weak_refs(PyObject *op) { PyUnstable_Object_ClearWeakRefsNoCallbacks(op); }
#endif
#if PY_VERSION_HEX >= 0x030E0000
int try_inc_ref(PyObject *op) { PyUnstable_EnableTryIncRef(op); return PyUnstable_TryIncRef(op); }
int immortal(PyObject *op) { return PyUnstable_IsImmortal(op); }
int unique(PyObject *op) { return PyUnstable_Object_IsUniquelyReferenced(op); }
int temporary(PyObject *op) { return PyUnstable_Object_IsUniqueReferencedTemporary(op); }
int deferred(PyObject *op) { return PyUnstable_Object_EnableDeferredRefcount(op); }
#endif
#if PY_VERSION_HEX >= 0x030F0000
int set_immortal(PyObject *op) { return PyUnstable_SetImmortal(op); }
#endif
#endif
