/* The memory layout of objects and types. Fields have CPython's names, offsets and types. Where CPython wraps
 * a count in an anonymous union, this header has one member of that union.
 */

typedef ptrdiff_t Py_ssize_t;
typedef Py_ssize_t Py_hash_t;
typedef struct _object PyObject;
typedef struct _typeobject PyTypeObject;

#ifdef Py_GIL_DISABLED
/* CPython's one-byte lock. */
typedef struct PyMutex {
    uint8_t _bits;
} PyMutex;

/* Every object starts with this. The counting fields are read and written as atomics. */
struct _object {
    uintptr_t ob_tid;       /* the owner's thread id; 0: no owner */
#if PY_MINOR_VERSION >= 14
    uint16_t ob_flags;      /* 4: statically allocated */
#else
    uint16_t _padding;
#endif
    PyMutex ob_mutex;
    uint8_t ob_gc_bits;     /* 1 tracked, 2 finalized, 64 counting is deferred */
    uint32_t ob_ref_local;  /* references counted by the owner; all ones: immortal */
    Py_ssize_t ob_ref_shared; /* references counted by other threads, times four, and two flags */
    PyTypeObject *ob_type;
};
#else
/* Every object starts with this. */
struct _object {
#if defined(Py_TRACE_REFS) && PY_MINOR_VERSION <= 12
    PyObject *_ob_next;     /* links of the list of all objects; NULL where the object is not in it */
    PyObject *_ob_prev;
#endif
#if PY_MINOR_VERSION >= 14
    uint32_t ob_refcnt;     /* number of references */
    uint16_t ob_overflow;   /* takes the carry of older extensions' 64-bit increments; never read */
    uint16_t ob_flags;      /* 1: immortal, 4: statically allocated */
#else
    Py_ssize_t ob_refcnt;   /* number of references */
#endif
    PyTypeObject *ob_type;
};
#endif

/* An object with a number of items. */
typedef struct {
    PyObject ob_base;
    Py_ssize_t ob_size;
} PyVarObject;

/* Stands in front of every object whose type has Py_TPFLAGS_HAVE_GC, except in free-threaded flavours. */
typedef struct {
    uintptr_t _gc_next;     /* 0: not tracked */
    uintptr_t _gc_prev;     /* low bits: 1 finalized, 2 collecting */
} PyGC_Head;

typedef PyObject *(*unaryfunc)(PyObject *);
typedef PyObject *(*binaryfunc)(PyObject *, PyObject *);
typedef PyObject *(*ternaryfunc)(PyObject *, PyObject *, PyObject *);
typedef int (*inquiry)(PyObject *);
typedef int (*visitproc)(PyObject *, void *);
typedef int (*traverseproc)(PyObject *, visitproc, void *);
typedef void (*freefunc)(void *);
typedef void (*destructor)(PyObject *);
typedef PyObject *(*getattrfunc)(PyObject *, char *);
typedef PyObject *(*getattrofunc)(PyObject *, PyObject *);
typedef int (*setattrfunc)(PyObject *, char *, PyObject *);
typedef int (*setattrofunc)(PyObject *, PyObject *, PyObject *);
typedef PyObject *(*reprfunc)(PyObject *);
typedef Py_hash_t (*hashfunc)(PyObject *);
typedef PyObject *(*richcmpfunc)(PyObject *, PyObject *, int);
typedef PyObject *(*getiterfunc)(PyObject *);
typedef PyObject *(*iternextfunc)(PyObject *);
typedef PyObject *(*descrgetfunc)(PyObject *, PyObject *, PyObject *);
typedef int (*descrsetfunc)(PyObject *, PyObject *, PyObject *);
typedef int (*initproc)(PyObject *, PyObject *, PyObject *);
typedef PyObject *(*newfunc)(PyTypeObject *, PyObject *, PyObject *);
typedef PyObject *(*allocfunc)(PyTypeObject *, Py_ssize_t);
typedef PyObject *(*vectorcallfunc)(PyObject *, PyObject *const *, size_t, PyObject *);

/* A type. Without an interpreter only these fields are used: tp_name, tp_basicsize, tp_itemsize, tp_dealloc,
 * tp_flags, tp_traverse, tp_is_gc, tp_finalize and tp_free. Pointers to tables of further slots are void *.
 */
struct _typeobject {
    PyVarObject ob_base;
    const char *tp_name;
    Py_ssize_t tp_basicsize, tp_itemsize;
    destructor tp_dealloc;
    Py_ssize_t tp_vectorcall_offset;
    getattrfunc tp_getattr;
    setattrfunc tp_setattr;
    void *tp_as_async;
    reprfunc tp_repr;
    void *tp_as_number;
    void *tp_as_sequence;
    void *tp_as_mapping;
    hashfunc tp_hash;
    ternaryfunc tp_call;
    reprfunc tp_str;
    getattrofunc tp_getattro;
    setattrofunc tp_setattro;
    void *tp_as_buffer;
    unsigned long tp_flags;
    const char *tp_doc;
    traverseproc tp_traverse;
    inquiry tp_clear;
    richcmpfunc tp_richcompare;
    Py_ssize_t tp_weaklistoffset;
    getiterfunc tp_iter;
    iternextfunc tp_iternext;
    void *tp_methods;
    void *tp_members;
    void *tp_getset;
    PyTypeObject *tp_base;
    PyObject *tp_dict;
    descrgetfunc tp_descr_get;
    descrsetfunc tp_descr_set;
    Py_ssize_t tp_dictoffset;
    initproc tp_init;
    allocfunc tp_alloc;
    newfunc tp_new;
    freefunc tp_free;
    inquiry tp_is_gc;
    PyObject *tp_bases;
    PyObject *tp_mro;
    PyObject *tp_cache;
    void *tp_subclasses;
    PyObject *tp_weaklist;
    destructor tp_del;
    unsigned int tp_version_tag;
    destructor tp_finalize;
    vectorcallfunc tp_vectorcall;
#if PY_MINOR_VERSION == 8
    void *tp_print;
#endif
#if PY_MINOR_VERSION >= 12
    unsigned char tp_watched;
#endif
#if PY_MINOR_VERSION >= 13
    uint16_t tp_versions_used;
#endif
#if PY_MINOR_VERSION >= 15
    void *(*_tp_iteritem)(PyObject *, Py_ssize_t);
#endif
};

#if PY_MINOR_VERSION <= 11
/* tracemalloc's settings. _Py_NewReference reads `tracing`. */
typedef struct _PyTraceMalloc_Config {
    enum {
        TRACEMALLOC_NOT_INITIALIZED,
        TRACEMALLOC_INITIALIZED,
        TRACEMALLOC_FINALIZED
    } initialized;
    int tracing;            /* whether memory blocks are traced */
    int max_nframe;         /* the most frames kept of each traceback */
#if PY_MINOR_VERSION == 8
    int use_domain;         /* whether blocks are distinguished by domain */
#endif
} _PyTraceMalloc_Config;
#endif

#if PY_MINOR_VERSION >= 13
/* The events that a reference tracer is called for (3.13 and later). */
typedef enum {
    PyRefTracer_CREATE = 0,             /* the object was born: its count is one and its type is set */
    PyRefTracer_DESTROY = 1,            /* the object is about to die: it is complete and its count is zero */
#  if PY_MINOR_VERSION >= 15
    PyRefTracer_TRACKER_REMOVED = 2,    /* the tracer was replaced; the object is NULL */
#  endif
} PyRefTracerEvent;
typedef int (*PyRefTracer)(PyObject *, PyRefTracerEvent event, void *data);
#endif
