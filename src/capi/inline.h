/* ---- Macros and inline functions ----
 *
 * This is what CPython's headers compile into their callers, version by version, with the same stores in the
 * same order. Most operations are a function and a macro that casts its argument, so that a pointer to any
 * object struct will do. Unless said otherwise the argument must not be NULL and is evaluated once.
 * cbindgen writes this text after the #endif of the header's include guard, so it has a guard of its own. */

#ifndef PYREFCORE_INLINE_H
#define PYREFCORE_INLINE_H

#ifdef Py_GIL_DISABLED
#error "pyrefcore.h: the inline functions of free-threaded flavours are not written yet"
#elif UINTPTR_MAX != 0xFFFFFFFFFFFFFFFF || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "pyrefcore.h needs a 64-bit little-endian target"
#endif

/* Inlining is forced where CPython forces it: from 3.12 on, and not in debug builds. */
#if PY_VERSION_HEX >= 0x030C0000 && !defined(Py_DEBUG)
#define PYREFCORE_ALWAYS_INLINE __attribute__((always_inline))
#else
#define PYREFCORE_ALWAYS_INLINE
#endif

#define _PyObject_CAST(op) ((PyObject *)(op))
#define _PyVarObject_CAST(op) ((PyVarObject *)(op))

/* ---- Immortality ---- */

/* An immortal object is never freed. 3.8 to 3.11 have no such objects. From 3.12 on the sign bit of the
 * lower 32 bits marks one; 3.14 moved the initial value to the middle of that range, so that code which
 * still counts an immortal object does not soon leave it. */
#if PY_VERSION_HEX >= 0x030E0000
#define _Py_IMMORTAL_FLAGS 1
#define _Py_STATICALLY_ALLOCATED_FLAG 4
#define _Py_IMMORTAL_INITIAL_REFCNT (3ULL << 30)
#define _Py_IMMORTAL_MINIMUM_REFCNT (1ULL << 31)
#define _Py_STATIC_FLAG_BITS ((Py_ssize_t)(_Py_STATICALLY_ALLOCATED_FLAG | _Py_IMMORTAL_FLAGS))
#define _Py_STATIC_IMMORTAL_INITIAL_REFCNT \
    ((Py_ssize_t)_Py_IMMORTAL_INITIAL_REFCNT | (_Py_STATIC_FLAG_BITS << 48))

/* This is true for an immortal object that was never allocated. */
static inline PYREFCORE_ALWAYS_INLINE int _Py_IsStaticImmortal(PyObject *op)
{
    return (op->ob_flags & _Py_STATICALLY_ALLOCATED_FLAG) != 0;
}
#define _Py_IsStaticImmortal(op) _Py_IsStaticImmortal(_PyObject_CAST(op))
#elif PY_VERSION_HEX >= 0x030C0000
#define _Py_IMMORTAL_REFCNT ((Py_ssize_t)0xFFFFFFFF)
#endif

/* This is true when Py_DECREF leaves the object alone. */
#if PY_VERSION_HEX >= 0x030C0000
static inline PYREFCORE_ALWAYS_INLINE int _Py_IsImmortal(PyObject *op)
{
    return (int32_t)op->ob_refcnt < 0;
}
#define _Py_IsImmortal(op) _Py_IsImmortal(_PyObject_CAST(op))
#endif

/* ---- Object heads ---- */

/* Every object struct starts with one of these; PyObject_VAR_HEAD is for one that ends in items. */
#define PyObject_HEAD PyObject ob_base;
#define PyObject_VAR_HEAD PyVarObject ob_base;

/* These initialise the head of a static object and bring the comma that must follow. The count starts at
 * 1 up to 3.12; from 3.13 on the object is immortal. */
#if PY_VERSION_HEX >= 0x030E0000
#define PyObject_HEAD_INIT(type) { _Py_IMMORTAL_INITIAL_REFCNT, 0, _Py_STATIC_FLAG_BITS, (type) },
#elif PY_VERSION_HEX >= 0x030D0000
#define PyObject_HEAD_INIT(type) { _Py_IMMORTAL_REFCNT, (type) },
#elif defined(Py_TRACE_REFS)
#define PyObject_HEAD_INIT(type) { NULL, NULL, 1, (type) },
#else
#define PyObject_HEAD_INIT(type) { 1, (type) },
#endif
#define PyVarObject_HEAD_INIT(type, size) { PyObject_HEAD_INIT(type) (size) },

/* ---- Fields ---- */

/* These read the head. They can be assigned to where CPython's can: the count in 3.8 and 3.9, type and
 * size up to 3.10. CPython 3.12 and newer also assert that Py_SIZE and Py_SET_SIZE get no int; there is no
 * int type here to compare with. */
#if PY_VERSION_HEX < 0x030A0000
#define Py_REFCNT(op) (_PyObject_CAST(op)->ob_refcnt)
#else
static inline Py_ssize_t _Py_REFCNT(PyObject *op) { return op->ob_refcnt; }
#define Py_REFCNT(op) _Py_REFCNT(_PyObject_CAST(op))
#endif

#if PY_VERSION_HEX < 0x030B0000
#define Py_TYPE(op) (_PyObject_CAST(op)->ob_type)
#define Py_SIZE(op) (_PyVarObject_CAST(op)->ob_size)
#else
static inline PyTypeObject *_Py_TYPE(PyObject *op) { return op->ob_type; }
#define Py_TYPE(op) _Py_TYPE(_PyObject_CAST(op))

static inline Py_ssize_t _Py_SIZE(PyVarObject *op) { return op->ob_size; }
#define Py_SIZE(op) _Py_SIZE(_PyVarObject_CAST(op))
#endif

/* This is true when the two are one object. CPython has it from 3.10 on. */
#define Py_Is(x, y) ((x) == (y))

/* This is true when the object's type is this one and not a subtype of it. CPython has it, and the setters
 * below, from 3.9 on. */
static inline int _Py_IS_TYPE(PyObject *op, PyTypeObject *type) { return op->ob_type == type; }
#define Py_IS_TYPE(op, type) _Py_IS_TYPE(_PyObject_CAST(op), (type))

/* Py_SET_TYPE counts no reference, neither to the old type nor to the new one. */
static inline void Py_SET_TYPE(PyObject *op, PyTypeObject *type) { op->ob_type = type; }
#define Py_SET_TYPE(op, type) Py_SET_TYPE(_PyObject_CAST(op), (type))

static inline void _Py_SET_SIZE(PyVarObject *op, Py_ssize_t size) { op->ob_size = size; }
#define Py_SET_SIZE(op, size) _Py_SET_SIZE(_PyVarObject_CAST(op), (size))

/* Py_SET_REFCNT changes no total, and setting 0 frees nothing. From 3.12 on an immortal object keeps its
 * count; 3.14 and newer store 32 bits and keep the flags beside them. */
static inline void Py_SET_REFCNT(PyObject *op, Py_ssize_t refcnt)
{
#if PY_VERSION_HEX >= 0x030E0000
    assert(refcnt >= 0);
#endif
#if PY_VERSION_HEX >= 0x030C0000
    if (_Py_IsImmortal(op)) {
        return;
    }
#endif
#if PY_VERSION_HEX >= 0x030E0000
    op->ob_refcnt = (uint32_t)refcnt;
#else
    op->ob_refcnt = refcnt;
#endif
}
#define Py_SET_REFCNT(op, refcnt) Py_SET_REFCNT(_PyObject_CAST(op), (refcnt))

/* ---- Acquire and release ---- */

/* Py_INCREF takes one more reference. Where Py_REF_DEBUG is on the total grows too, even for an immortal
 * object whose count 3.12 and 3.13 still raise; 3.14 and newer leave out what is immortal afterwards. */
static inline PYREFCORE_ALWAYS_INLINE void Py_INCREF(PyObject *op)
{
#if PY_VERSION_HEX >= 0x030E0000
    uint32_t count = op->ob_refcnt;
    if (count >= _Py_IMMORTAL_INITIAL_REFCNT) {
        return;
    }
    op->ob_refcnt = count + 1;
#ifdef Py_REF_DEBUG
    if (!_Py_IsImmortal(op)) {
        _Py_INCREF_IncRefTotal();
    }
#endif
#elif PY_VERSION_HEX >= 0x030C0000
    /* Only the lower half is written: the upper half never takes a carry. */
    uint32_t count = (uint32_t)op->ob_refcnt + 1;
    if (count == 0) {
        return;
    }
    memcpy(&op->ob_refcnt, &count, sizeof count);
#ifdef Py_REF_DEBUG
    _Py_INCREF_IncRefTotal();
#endif
#else
#ifdef Py_REF_DEBUG
    __atomic_fetch_add(&_Py_RefTotal, 1, __ATOMIC_RELAXED);
#endif
    op->ob_refcnt++;
#endif
}
#define Py_INCREF(op) Py_INCREF(_PyObject_CAST(op))

/* Py_DECREF gives one reference back; the last one frees the object through _Py_Dealloc. Where Py_REF_DEBUG
 * is on, a count that is negative afterwards (up to 3.11) or not positive before (from 3.12 on; 3.14 adds
 * counts that only freed memory shows) ends the process with the caller's file and line. */
#ifdef Py_REF_DEBUG
static inline void Py_DECREF(const char *filename, int lineno, PyObject *op)
{
#if PY_VERSION_HEX >= 0x030C0000
#if PY_VERSION_HEX >= 0x030E0000
    int64_t image;
    memcpy(&image, op, sizeof image);
    if (image <= 0 || op->ob_refcnt > UINT32_MAX - (1 << 20)) {
#else
    if (op->ob_refcnt <= 0) {
#endif
        _Py_NegativeRefcount(filename, lineno, op);
    }
    if (_Py_IsImmortal(op)) {
        return;
    }
    _Py_DECREF_DecRefTotal();
    if (--op->ob_refcnt == 0) {
        _Py_Dealloc(op);
    }
#else
    __atomic_fetch_sub(&_Py_RefTotal, 1, __ATOMIC_RELAXED);
    if (--op->ob_refcnt == 0) {
        _Py_Dealloc(op);
    }
    else if (op->ob_refcnt < 0) {
        _Py_NegativeRefcount(filename, lineno, op);
    }
#endif
}
#define Py_DECREF(op) Py_DECREF(__FILE__, __LINE__, _PyObject_CAST(op))
#else
static inline PYREFCORE_ALWAYS_INLINE void Py_DECREF(PyObject *op)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (_Py_IsImmortal(op)) {
        return;
    }
#endif
    if (--op->ob_refcnt == 0) {
        _Py_Dealloc(op);
    }
}
#define Py_DECREF(op) Py_DECREF(_PyObject_CAST(op))
#endif

/* These do nothing for NULL, and are Py_INCREF and Py_DECREF otherwise. They report a negative count at a
 * line of this header, as CPython's do. */
static inline void Py_XINCREF(PyObject *op)
{
    if (op != NULL) {
        Py_INCREF(op);
    }
}
#define Py_XINCREF(op) Py_XINCREF(_PyObject_CAST(op))

static inline void Py_XDECREF(PyObject *op)
{
    if (op != NULL) {
        Py_DECREF(op);
    }
}
#define Py_XDECREF(op) Py_XDECREF(_PyObject_CAST(op))

/* These take a reference and return the object; Py_XNewRef accepts NULL. CPython has both from 3.10 on. */
static inline PyObject *_Py_NewRef(PyObject *op)
{
    Py_INCREF(op);
    return op;
}
#define Py_NewRef(op) _Py_NewRef(_PyObject_CAST(op))

static inline PyObject *_Py_XNewRef(PyObject *op)
{
    Py_XINCREF(op);
    return op;
}
#define Py_XNewRef(op) _Py_XNewRef(_PyObject_CAST(op))

/* ---- Replacing a reference ---- */

/* These set the variable `op` to NULL, or `dst` to `src` and take its reference over, and only then release
 * the old object: its destructor may run any code, and that code must not find the old pointer. Py_CLEAR
 * and Py_XSETREF accept an old value of NULL. `op` and `dst` are evaluated once from 3.12 on, and more
 * than once before. */
#if PY_VERSION_HEX >= 0x030C0000
#define Py_CLEAR(op) \
    do { \
        __typeof__(&(op)) _py_place = &(op); \
        __typeof__(op) _py_old = *_py_place; \
        if (_py_old != NULL) { \
            *_py_place = NULL; \
            Py_DECREF(_py_old); \
        } \
    } while (0)
#define PYREFCORE_SETREF(dst, src, release) \
    do { \
        __typeof__(&(dst)) _py_place = &(dst); \
        __typeof__(dst) _py_old = *_py_place; \
        *_py_place = (src); \
        release(_py_old); \
    } while (0)
#else
#define Py_CLEAR(op) \
    do { \
        PyObject *_py_old = _PyObject_CAST(op); \
        if (_py_old != NULL) { \
            (op) = NULL; \
            Py_DECREF(_py_old); \
        } \
    } while (0)
#define PYREFCORE_SETREF(dst, src, release) \
    do { \
        PyObject *_py_old = _PyObject_CAST(dst); \
        (dst) = (src); \
        release(_py_old); \
    } while (0)
#endif
#define Py_SETREF(dst, src) PYREFCORE_SETREF(dst, src, Py_DECREF)
#define Py_XSETREF(dst, src) PYREFCORE_SETREF(dst, src, Py_XDECREF)

/* ---- Type flags ---- */

/* These are bits of tp_flags. PREHEADER types put two words in front of the collector's head. */
#define Py_TPFLAGS_HAVE_FINALIZE (1UL << 0)
#if PY_VERSION_HEX >= 0x030C0000
#define Py_TPFLAGS_MANAGED_WEAKREF (1 << 3)
#define Py_TPFLAGS_PREHEADER (Py_TPFLAGS_MANAGED_WEAKREF | Py_TPFLAGS_MANAGED_DICT)
#endif
#if PY_VERSION_HEX >= 0x030B0000
#define Py_TPFLAGS_MANAGED_DICT (1 << 4)
#endif
#if PY_VERSION_HEX >= 0x030A0000
#define Py_TPFLAGS_DISALLOW_INSTANTIATION (1UL << 7)
#define Py_TPFLAGS_IMMUTABLETYPE (1UL << 8)
#define Py_TPFLAGS_DEFAULT 0
#else
#define Py_TPFLAGS_DEFAULT Py_TPFLAGS_HAVE_VERSION_TAG
#endif
#define Py_TPFLAGS_HEAPTYPE (1UL << 9)
#define Py_TPFLAGS_BASETYPE (1UL << 10)
#define Py_TPFLAGS_READY (1UL << 12)
#define Py_TPFLAGS_READYING (1UL << 13)
#define Py_TPFLAGS_HAVE_GC (1UL << 14)
#define Py_TPFLAGS_HAVE_VERSION_TAG (1UL << 18)
#define Py_TPFLAGS_VALID_VERSION_TAG (1UL << 19)
#define Py_TPFLAGS_IS_ABSTRACT (1UL << 20)
#define Py_TPFLAGS_UNICODE_SUBCLASS (1UL << 28)
#define Py_TPFLAGS_TYPE_SUBCLASS (1UL << 31)

/* ---- Object memory ---- */

/* These create an object with one reference and return it as a TYPE *, or NULL when memory ran out. The GC
 * forms put the collector's head in front of it, and want PyObject_GC_Track once the object is complete. */
#define PyObject_New(TYPE, typeobj) ((TYPE *)pyrefcore_object_new(typeobj))
#define PyObject_NewVar(TYPE, typeobj, n) ((TYPE *)pyrefcore_object_new_var((typeobj), (n)))
#define PyObject_NEW(TYPE, typeobj) PyObject_New(TYPE, typeobj)
#define PyObject_NEW_VAR(TYPE, typeobj, n) PyObject_NewVar(TYPE, typeobj, n)
#define PyObject_GC_New(TYPE, typeobj) ((TYPE *)pyrefcore_gc_new(typeobj))
#define PyObject_GC_NewVar(TYPE, typeobj, n) ((TYPE *)pyrefcore_gc_new_var((typeobj), (n)))

/* These make an object out of memory that the caller allocated. */
#define PyObject_INIT(op, typeobj) PyObject_Init(_PyObject_CAST(op), (typeobj))
#define PyObject_INIT_VAR(op, typeobj, n) PyObject_InitVar(_PyVarObject_CAST(op), (typeobj), (n))

/* These handle memory and touch no head. They are plain names, so that tp_free can point at them. */
#define PyObject_Malloc pyrefcore_object_malloc
#define PyObject_Calloc pyrefcore_object_calloc
#define PyObject_Realloc pyrefcore_object_realloc
#define PyObject_Free pyrefcore_object_free
#define PyObject_FREE PyObject_Free
#define PyObject_Del PyObject_Free
#define PyObject_DEL PyObject_Free
#define PyObject_GC_Del pyrefcore_gc_del

/* These show an object to the collector, hide it before it is taken apart, and ask which it is. */
#define PyObject_GC_Track pyrefcore_gc_track
#define PyObject_GC_UnTrack pyrefcore_gc_untrack
#define PyObject_GC_IsTracked pyrefcore_gc_is_tracked

/* Py_VISIT needs a tp_traverse whose parameters are called `visit` and `arg`. It skips NULL, and returns
 * from that function when the visitor says so. `op` is evaluated twice. */
#define Py_VISIT(op) \
    do { \
        if (op) { \
            int _py_stop = visit(_PyObject_CAST(op), arg); \
            if (_py_stop) \
                return _py_stop; \
        } \
    } while (0)

/* ---- Trashcan ---- */

/* These bracket the body of a container's tp_dealloc, after PyObject_GC_UnTrack: when deallocators nest too
 * deep the body is skipped and runs later, from the outermost end. Leave the body only through the end.
 * `dealloc` is the function itself, so that a base type's deallocator called by a subtype's does not defer
 * an object half taken apart; the SAFE forms do not check that. From 3.14 on _Py_Dealloc does all of it. */
#if PY_VERSION_HEX >= 0x030E0000
#define Py_TRASHCAN_BEGIN(op, dealloc)
#define Py_TRASHCAN_END
#else
#define PYREFCORE_TRASHCAN_BEGIN(op, cond) \
    do { \
        int _py_nested = 0; \
        if (cond) { \
            if (_PyTrash_begin(NULL, _PyObject_CAST(op))) { \
                break; \
            } \
            _py_nested = 1; \
        }
#define Py_TRASHCAN_BEGIN(op, dealloc) \
    PYREFCORE_TRASHCAN_BEGIN(op, Py_TYPE(op)->tp_dealloc == (destructor)(dealloc))
#define Py_TRASHCAN_END \
        if (_py_nested) { \
            _PyTrash_end(NULL); \
        } \
    } while (0);
#if PY_VERSION_HEX < 0x030D0000
#define Py_TRASHCAN_BEGIN_CONDITION(op, cond) PYREFCORE_TRASHCAN_BEGIN(op, cond)
#define Py_TRASHCAN_SAFE_BEGIN(op) PYREFCORE_TRASHCAN_BEGIN(op, 1)
#define Py_TRASHCAN_SAFE_END(op) Py_TRASHCAN_END
#endif
#endif

#endif /* PYREFCORE_INLINE_H */
