/* Stand-ins for the outside functions that inline code calls: each only records its call in the line of behave.c. So
 * no libpython is needed, and both headers call the same functions. */

static int deep, pending; /* For the trashcan: whether the stack is used up, and whether objects are deferred. */

#ifdef Py_REF_DEBUG
/* The place that a report of a negative count names: the operation's line, or a line of a header. */
static const char *from(const char *file, int number)
{
    const char *name = strrchr(file, '/');
    return strcmp(name ? name + 1 : file, "behave_operations.h") == 0 && number == here ? "here" : "a header";
}
#endif

/* The count that is stored at the time of a call. */
static const char *count(void)
{
    static char text[64];
    PyObject *op = (PyObject *)thing;
#ifdef Py_GIL_DISABLED
    snprintf(text, sizeof text, "%X %llX", op->ob_ref_local, (unsigned long long)op->ob_ref_shared);
#else
    uint64_t word;
    memcpy(&word, (char *)op + offsetof(PyObject, ob_refcnt), sizeof word);
    snprintf(text, sizeof text, "%llX", (unsigned long long)word);
#endif
    return text;
}
#define CALLED(name) note(" " name "(%s, count %s, place %s)", pointer(op), count(), pointer(place))

/* 3.8 has a macro of this name. */
void (_Py_Dealloc)(PyObject *op) { CALLED("dealloc"); }

#ifdef Py_REF_DEBUG
void _Py_NegativeRefcount(const char *file, int number, PyObject *op)
{
    CALLED("negative");
    note(" from %s", from(file, number));
}
#if PY_MINOR_VERSION >= 12
void _Py_INCREF_IncRefTotal(void) { note(" total+1(count %s)", count()); }
void _Py_DECREF_DecRefTotal(void) { note(" total-1(count %s)", count()); }
#else
Py_ssize_t _Py_RefTotal;
#endif
#endif

#ifdef Py_GIL_DISABLED
void _Py_MergeZeroLocalRefcount(PyObject *op) { CALLED("merge"); }
void _Py_DecRefShared(PyObject *op) { CALLED("shared"); }
#ifdef Py_REF_DEBUG
void _Py_DecRefSharedDebug(PyObject *op, const char *file, int number)
{
    CALLED("shared");
    note(" from %s", from(file, number));
}
#endif
#endif

/* glibc's assert calls this. */
void __assert_fail(const char *text, const char *file, unsigned number, const char *function)
{
    (void)text, (void)file, (void)number, (void)function;
    longjmp(failed_assertion, 1);
}

/* ---- Births and memory: the functions behind the macros, under the same names for both headers ---- */

#define TOLD(result, ...) { note(__VA_ARGS__); return (result); }
#define AT ((void *)thing)
#ifdef AGAINST_PYTHON_H
PyObject *_PyObject_New(PyTypeObject *type) TOLD(AT, " new(%s)", pointer(type))
PyVarObject *_PyObject_NewVar(PyTypeObject *type, Py_ssize_t n) TOLD(AT, " new_var(%s, %d)", pointer(type), (int)n)
PyObject *_PyObject_GC_New(PyTypeObject *type) TOLD(AT, " gc_new(%s)", pointer(type))
PyVarObject *_PyObject_GC_NewVar(PyTypeObject *type, Py_ssize_t n) TOLD(AT, " gc_new_var(%s, %d)", pointer(type), (int)n)
void *PyObject_Malloc(size_t n) TOLD(AT, " malloc(%d)", (int)n)
void *PyObject_Calloc(size_t count, size_t n) TOLD(AT, " calloc(%d, %d)", (int)count, (int)n)
void *PyObject_Realloc(void *old, size_t n) TOLD(AT, " realloc(%s, %d)", pointer(old), (int)n)
void PyObject_Free(void *old) { note(" free(%s)", pointer(old)); }
void PyObject_GC_Del(void *op) { note(" gc_del(%s)", pointer(op)); }
void PyObject_GC_Track(void *op) { note(" track(%s)", pointer(op)); }
void PyObject_GC_UnTrack(void *op) { note(" untrack(%s)", pointer(op)); }
#if PY_MINOR_VERSION >= 9
int PyObject_GC_IsTracked(PyObject *op) TOLD(1, " is_tracked(%s)", pointer(op))
#endif
/* The assertions of Py_SIZE use these types. */
PyTypeObject PyLong_Type, PyBool_Type;
#else
PyObject *pyrefcore_object_new(PyTypeObject *type) TOLD(AT, " new(%s)", pointer(type))
PyVarObject *pyrefcore_object_new_var(PyTypeObject *type, Py_ssize_t n) TOLD(AT, " new_var(%s, %d)", pointer(type), (int)n)
PyObject *pyrefcore_gc_new(PyTypeObject *type) TOLD(AT, " gc_new(%s)", pointer(type))
PyVarObject *pyrefcore_gc_new_var(PyTypeObject *type, Py_ssize_t n) TOLD(AT, " gc_new_var(%s, %d)", pointer(type), (int)n)
void *pyrefcore_object_malloc(size_t n) TOLD(AT, " malloc(%d)", (int)n)
void *pyrefcore_object_calloc(size_t count, size_t n) TOLD(AT, " calloc(%d, %d)", (int)count, (int)n)
void *pyrefcore_object_realloc(void *old, size_t n) TOLD(AT, " realloc(%s, %d)", pointer(old), (int)n)
void pyrefcore_object_free(void *old) { note(" free(%s)", pointer(old)); }
void pyrefcore_gc_del(void *op) { note(" gc_del(%s)", pointer(op)); }
void pyrefcore_gc_track(void *op) { note(" track(%s)", pointer(op)); }
void pyrefcore_gc_untrack(void *op) { note(" untrack(%s)", pointer(op)); }
int pyrefcore_gc_is_tracked(PyObject *op) TOLD(1, " is_tracked(%s)", pointer(op))
#endif
PyObject *PyObject_Init(PyObject *op, PyTypeObject *type) TOLD(op, " init(%s, %s)", pointer(op), pointer(type))
PyVarObject *PyObject_InitVar(PyVarObject *op, PyTypeObject *type, Py_ssize_t n)
    TOLD(op, " init_var(%s, %s, %d)", pointer(op), pointer(type), (int)n)

/* ---- The trashcan: "aside" and "drain" for the functions and fields of every version ---- */

#if defined(AGAINST_PYTHON_H) && PY_MINOR_VERSION <= 13
static PyThreadState thread_state;
PyThreadState *PyThreadState_Get(void) { return &thread_state; }
PyThreadState *_PyThreadState_UncheckedGet(void) { return &thread_state; }
#define TRASH_THREAD PyThreadState *
#else
#define TRASH_THREAD void *
#endif
#if defined(AGAINST_PYTHON_H) && PY_MINOR_VERSION == 8
void _PyTrash_thread_deposit_object(PyObject *op) { note(" aside(%s)", pointer(op)); }
void _PyTrash_thread_destroy_chain(void) { note(" drain"); }
#elif defined(AGAINST_PYTHON_H) && PY_MINOR_VERSION == 13
void _PyTrash_thread_deposit_object(PyThreadState *thread, PyObject *op) { (void)thread, note(" aside(%s)", pointer(op)); }
void _PyTrash_thread_destroy_chain(PyThreadState *thread) { (void)thread, note(" drain"); }
#elif PY_MINOR_VERSION <= 13
int _PyTrash_begin(TRASH_THREAD thread, PyObject *op)
{
    (void)thread;
    return deep && op ? note(" aside(%s)", pointer(op)), 1 : 0;
}
/* CPython 3.13 tests the depth in its macro. */
void _PyTrash_end(TRASH_THREAD thread)
{
    (void)thread;
    if (pending && !(PY_MINOR_VERSION == 13 && deep)) {
        note(" drain");
    }
}
int _PyTrash_cond(PyObject *op, destructor own) { return Py_TYPE(op)->tp_dealloc == own; }
#endif

/* Before and after an operation. */
static void calls_begin(void)
{
    deep = pending = 0;
#if defined(Py_REF_DEBUG) && PY_MINOR_VERSION < 12
    _Py_RefTotal = 0;
#endif
}
static void calls_end(void)
{
#if defined(Py_REF_DEBUG) && PY_MINOR_VERSION < 12
    if (_Py_RefTotal != 0) {
        note(" total%+d", (int)_Py_RefTotal);
    }
#endif
}
