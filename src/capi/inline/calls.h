/* These are Py_INCREF and Py_DECREF, but do nothing for NULL. A report of a negative count names a line of this
 * header, as with CPython's. */
static inline void PYREFCORE_INLINE(XINCREF)(PyObject *op)
{
    if (op != NULL) {
        Py_INCREF(op);
    }
}
#define Py_XINCREF(op) PYREFCORE_INLINE(XINCREF)(_PyObject_CAST(op))

static inline void PYREFCORE_INLINE(XDECREF)(PyObject *op)
{
    if (op != NULL) {
        Py_DECREF(op);
    }
}
#define Py_XDECREF(op) PYREFCORE_INLINE(XDECREF)(_PyObject_CAST(op))

/* These add a reference and return the object. Py_XNewRef accepts NULL. CPython has both from 3.10 on. */
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

/* Py_CLEAR sets the variable `op` to NULL. Py_SETREF and Py_XSETREF set `dst` to `src`, and steal the reference of
 * `src`. Only then do they release the old object: its destructor may run any code, and that code must not find
 * the old pointer. Py_CLEAR and Py_XSETREF accept an old value of NULL. `op` and `dst` are evaluated once from
 * 3.12 on, and more than once before. */
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

/* These are bits of tp_flags. Instances of a PREHEADER type have two more words in front of the collector's head. */
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
 * forms put the collector's head in front of it. Call PyObject_GC_Track when the object is complete. */
#define PyObject_New(TYPE, typeobj) ((TYPE *)pyrefcore_object_new(typeobj))
#define PyObject_NewVar(TYPE, typeobj, n) ((TYPE *)pyrefcore_object_new_var((typeobj), (n)))
#define PyObject_NEW(TYPE, typeobj) PyObject_New(TYPE, typeobj)
#define PyObject_NEW_VAR(TYPE, typeobj, n) PyObject_NewVar(TYPE, typeobj, n)
#define PyObject_GC_New(TYPE, typeobj) ((TYPE *)pyrefcore_gc_new(typeobj))
#define PyObject_GC_NewVar(TYPE, typeobj, n) ((TYPE *)pyrefcore_gc_new_var((typeobj), (n)))

/* These make an object in memory that the caller allocated. */
#define PyObject_INIT(op, typeobj) PyObject_Init(_PyObject_CAST(op), (typeobj))
#define PyObject_INIT_VAR(op, typeobj, n) PyObject_InitVar(_PyVarObject_CAST(op), (typeobj), (n))

/* These allocate and free memory, and do not count. They are plain names, so that tp_free can point to them. */
#define PyObject_Malloc pyrefcore_object_malloc
#define PyObject_Calloc pyrefcore_object_calloc
#define PyObject_Realloc pyrefcore_object_realloc
#define PyObject_Free pyrefcore_object_free
#define PyObject_FREE PyObject_Free
#define PyObject_Del PyObject_Free
#define PyObject_DEL PyObject_Free
#define PyObject_GC_Del pyrefcore_gc_del

/* These track an object in the collector, untrack it before it is taken apart, and tell whether it is tracked. */
#define PyObject_GC_Track pyrefcore_gc_track
#define PyObject_GC_UnTrack pyrefcore_gc_untrack
#define PyObject_GC_IsTracked pyrefcore_gc_is_tracked

/* Py_VISIT needs a tp_traverse whose parameters are called `visit` and `arg`. It skips NULL. When the visitor
 * returns non-zero, it returns that value from the tp_traverse. `op` is evaluated twice. */
#define Py_VISIT(op) \
    do { \
        if (op) { \
            int _py_stop = visit(_PyObject_CAST(op), arg); \
            if (_py_stop) \
                return _py_stop; \
        } \
    } while (0)

/* ---- Trashcan ---- */

/* These enclose the body of a container's tp_dealloc, after PyObject_GC_UnTrack. When deallocators nest too deep
 * the body is skipped, and the outermost end runs it later. Do not return from inside the body.
 * `dealloc` is the function that contains the macro. Where a subtype's deallocator calls it, it is not the type's
 * own tp_dealloc, and the body is never skipped: the object may be half taken apart. The SAFE forms do not check
 * this. In 3.13 such a call still counts as a level of nesting. From 3.14 on _Py_Dealloc does all of this, and the
 * macros are empty. PyTrash_UNWIND_LEVEL and Py_TRASHCAN_HEADROOM are CPython's limits of depth. */
#if PY_VERSION_HEX < 0x030B0000
#define PyTrash_UNWIND_LEVEL 50
#endif
#if PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x030E0000
#define Py_TRASHCAN_HEADROOM 50
#endif
#if PY_VERSION_HEX >= 0x030E0000
#define Py_TRASHCAN_BEGIN(op, dealloc)
#define Py_TRASHCAN_END
#else
#if PY_VERSION_HEX >= 0x030D0000
#define PYREFCORE_TRASHCAN_BEGIN(op, cond) \
    do { \
        if (_PyTrash_begin(NULL, (cond) ? _PyObject_CAST(op) : NULL)) { \
            break; \
        }
#define Py_TRASHCAN_END \
        _PyTrash_end(NULL); \
    } while (0);
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
#define Py_TRASHCAN_END \
        if (_py_nested) { \
            _PyTrash_end(NULL); \
        } \
    } while (0);
#endif
#define Py_TRASHCAN_BEGIN(op, dealloc) \
    PYREFCORE_TRASHCAN_BEGIN(op, Py_TYPE(op)->tp_dealloc == (destructor)(dealloc))
#if PY_VERSION_HEX < 0x030D0000
#define Py_TRASHCAN_BEGIN_CONDITION(op, cond) PYREFCORE_TRASHCAN_BEGIN(op, cond)
#define Py_TRASHCAN_SAFE_BEGIN(op) PYREFCORE_TRASHCAN_BEGIN(op, 1)
#define Py_TRASHCAN_SAFE_END(op) Py_TRASHCAN_END
#endif
#endif

#endif /* PYREFCORE_INLINE_H */
