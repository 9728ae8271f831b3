/* Wrong pointers. A debug flavour ends the process with one line that names the call, the address and the type, if
 * the type is safe to read. Every flavour tolerates NULL where CPython does. */
#include "testing.h"
#include "things.h"
#include <sys/mman.h>

static void init(PyObject *op) { PyObject_Init(op, &Thing_Type); }
static void call_finalizer_from_dealloc(PyObject *op) { (void)PyObject_CallFinalizerFromDealloc(op); }
static void track(PyObject *op) { PyObject_GC_Track(op); }
static void untrack(PyObject *op) { PyObject_GC_UnTrack(op); }
static void is_tracked(PyObject *op) { (void)PyObject_GC_IsTracked(op); }
#if PY_VERSION_HEX < 0x030E0000
static void begin(PyObject *op)
{
    if (!_PyTrash_begin(NULL, op)) {
        _PyTrash_end(NULL);
    }
}
#endif
#if PY_VERSION_HEX >= 0x030A0000
static void new_ref(PyObject *op) { (void)(Py_NewRef)(op); }
static void xnew_ref(PyObject *op) { (void)(Py_XNewRef)(op); }
#endif
#if PY_VERSION_HEX >= 0x030D0000
static void set_refcnt(PyObject *op) { _Py_SetRefcnt(op, 3); }
#endif
#if PY_VERSION_HEX >= 0x030E0000
static void refcnt(PyObject *op) { (void)(Py_REFCNT)(op); }
static void type(PyObject *op) { (void)(Py_TYPE)(op); }
static void is_unique(PyObject *op) { (void)PyUnstable_Object_IsUniquelyReferenced(op); }
static void is_immortal(PyObject *op) { (void)PyUnstable_IsImmortal(op); }
static void try_incref(PyObject *op) { (void)PyUnstable_TryIncRef(op); }
static void defer(PyObject *op) { (void)PyUnstable_Object_EnableDeferredRefcount(op); }
#endif
#if PY_VERSION_HEX >= 0x030F0000
static void size(PyObject *op) { (void)(Py_SIZE)(op); }
static void is_type(PyObject *op) { (void)(Py_IS_TYPE)(op, &Thing_Type); }
static void set_size(PyObject *op) { (Py_SET_SIZE)((PyVarObject *)op, 3); }
#endif

#ifdef Py_GIL_DISABLED
static void shared_debug(PyObject *op) { _Py_DecRefSharedDebug(op, "mymod.c", 42); }
#endif

#ifdef Py_TRACE_REFS
#if PY_VERSION_HEX >= 0x030D0000
static void enter(PyObject *op) { _Py_AddToAllObjects(op); }
#else
static void enter(PyObject *op) { _Py_AddToAllObjects(op, 0); }
#endif
#endif

enum { TAKES_NULL = 1, TAKES_DEAD = 2 };
static const struct Call {
    const char *name;
    void (*call)(PyObject *);
    int takes;
} calls[] = {
    { "Py_IncRef", Py_IncRef, TAKES_NULL },
    { "Py_DecRef", Py_DecRef, TAKES_NULL },
    { "_Py_NewReference", _Py_NewReference, TAKES_DEAD },
    { "PyObject_Init", init, TAKES_NULL | TAKES_DEAD },
    { "_Py_Dealloc", _Py_Dealloc, 0 },
    { "PyObject_CallFinalizer", PyObject_CallFinalizer, TAKES_DEAD },
    { "PyObject_CallFinalizerFromDealloc", call_finalizer_from_dealloc, TAKES_DEAD },
    { "PyObject_GC_Track", track, TAKES_DEAD },
    { "PyObject_GC_UnTrack", untrack, TAKES_DEAD },
    { "PyObject_GC_IsTracked", is_tracked, TAKES_DEAD },
#ifdef Py_TRACE_REFS
    { "_Py_AddToAllObjects", enter, TAKES_DEAD },
    { "_Py_ForgetReference", _Py_ForgetReference, TAKES_DEAD },
#endif
#ifdef Py_GIL_DISABLED
    { "_Py_DecRefShared", _Py_DecRefShared, 0 },
    { "_Py_DecRefSharedDebug", shared_debug, 0 },
    { "_Py_MergeZeroLocalRefcount", _Py_MergeZeroLocalRefcount, 0 },
#endif
#if PY_VERSION_HEX < 0x030E0000
    { "Py_TRASHCAN_BEGIN", begin, TAKES_NULL | TAKES_DEAD },
#endif
#if PY_VERSION_HEX >= 0x030A0000
    { "_Py_IncRef", _Py_IncRef, 0 },
    { "_Py_DecRef", _Py_DecRef, 0 },
    { "Py_NewRef", new_ref, 0 },
    { "Py_XNewRef", xnew_ref, TAKES_NULL },
#endif
#if PY_VERSION_HEX >= 0x030D0000
    { "_Py_SetRefcnt", set_refcnt, TAKES_DEAD },
    { "_Py_ResurrectReference", _Py_ResurrectReference, TAKES_DEAD },
#endif
#if PY_VERSION_HEX >= 0x030E0000
    { "_Py_SetImmortal", _Py_SetImmortal, TAKES_DEAD },
    { "Py_REFCNT", refcnt, TAKES_DEAD },
    { "Py_TYPE", type, TAKES_DEAD },
    { "PyUnstable_IsImmortal", is_immortal, TAKES_DEAD },
    { "PyUnstable_Object_IsUniquelyReferenced", is_unique, TAKES_DEAD },
    { "PyUnstable_TryIncRef", try_incref, TAKES_DEAD },
    { "PyUnstable_EnableTryIncRef", PyUnstable_EnableTryIncRef, TAKES_DEAD },
    { "PyUnstable_Object_EnableDeferredRefcount", defer, TAKES_DEAD },
#endif
#if PY_VERSION_HEX >= 0x030F0000
    { "Py_SIZE", size, TAKES_DEAD },
    { "Py_IS_TYPE", is_type, TAKES_DEAD },
    { "Py_SET_SIZE", set_size, TAKES_DEAD },
#endif
};

static const struct Call *chosen;
static PyObject *victim;
static void misuse(void) { chosen->call(victim); }

#define EACH_CALL (chosen = calls; chosen < calls + sizeof calls / sizeof *calls; chosen++)

static void null_is_tolerated(void)
{
    victim = NULL;
    for EACH_CALL {
        if (chosen->takes & TAKES_NULL) {
            misuse();
        }
    }
    PyObject_Free(NULL);
}

#if IS_DEBUG
/* Every call without a flag of `unless` must refuse `op`, in one line that names the call and gives `reason`. */
static void refused(PyObject *op, int unless, const char *what, const char *reason)
{
    char name[80], call[80];
    victim = op;
    for EACH_CALL {
        if (!(chosen->takes & unless)) {
            snprintf(name, sizeof name, "%s of %s", chosen->name, what);
            snprintf(call, sizeof call, op == NULL ? "pyrefcore: fatal: %s(NULL)" : "pyrefcore: fatal: %s(%p",
                     chosen->name, (void *)op);
            expect_death(name, SIGABRT, misuse, ONE_LINE, call, reason);
        }
    }
}

/* A dead object of this type is not freed, so its type can still be read. */
static void stay(PyObject *op) { (void)op; }
static PyTypeObject Stayer_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Stayer",
    .tp_basicsize = sizeof(PyVarObject), .tp_dealloc = stay,
};
static PyTypeObject Endless_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Endless", .tp_basicsize = sizeof(PyVarObject),
};

static void no_references(void)
{
    PyObject *op = PyObject_New(PyObject, &Stayer_Type);
    Py_SET_REFCNT(op, 0);
    Py_DecRef(op);
}
static void no_dealloc(void)
{
    victim = PyObject_New(PyObject, &Endless_Type);
    Py_DECREF(victim);
}
static void no_type(void) { _Py_NewReference(PyObject_Malloc(sizeof(PyObject))); }
static void no_type_object(void)
{
    PyObject *op = PyObject_New(PyObject, &Stayer_Type);
    op->ob_type = (PyTypeObject *)8;
    Py_DECREF(op);
}
/* Free-threaded, the merge of the owner's last reference comes before _Py_Dealloc. */
#ifdef Py_GIL_DISABLED
#define LAST_REFERENCE "_Py_MergeZeroLocalRefcount(0x"
#else
#define LAST_REFERENCE "_Py_Dealloc(0x"
#endif
static void died_twice(void)
{
    PyObject *op = PyObject_New(PyObject, &Stayer_Type);
    Py_DECREF(op);
    Py_SET_REFCNT(op, 1);
    Py_DECREF(op);
}
#endif

int main(void)
{
    RUN(null_is_tolerated);
#if IS_DEBUG
    PyObject *stayer = PyObject_New(PyObject, &Stayer_Type), *freed = (PyObject *)new_thing(1);
    PyObject *closed = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    refused(NULL, TAKES_NULL, "NULL", "(NULL): this call needs an object");
    refused((PyObject *)((char *)stayer + 4), 0, "a misaligned pointer", "the pointer is misaligned");
    refused(closed, 0, "a wild pointer", "there is no readable memory");
    refused((PyObject *)0xDDDDDDDDDDDDDDD8, 0, "a wilder pointer", "there is no readable memory");
    Py_DECREF(stayer);
    Py_DECREF(freed);
    refused(stayer, TAKES_DEAD, "a dead object", " of type 'Stayer'): the object is already dead");
    refused(freed, TAKES_DEAD, "a freed object", "): the object is already dead");
    expect_death("no references left", SIGABRT, no_references, "object has negative ref count", "Stayer", "Py_DecRef");
    expect_death("no tp_dealloc", SIGABRT, no_dealloc, ONE_LINE, "_Py_Dealloc(0x", "of type 'Endless'", "tp_dealloc is NULL");
    expect_death("no type", SIGABRT, no_type, ONE_LINE, "_Py_NewReference(0x", "type");
    expect_death("a wild type", SIGABRT, no_type_object, ONE_LINE, "_Py_Dealloc(0x", "type can't be read");
    expect_death("died twice", SIGABRT, died_twice, ONE_LINE, LAST_REFERENCE, "of type 'Stayer'", "already dead");
#endif
    return summary();
}
