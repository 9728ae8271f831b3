/* ---- Macros and inline functions ----
 *
 * CPython's headers compile these functions into their callers. Here they make the same stores in the same order,
 * for each version. Most operations are a function and a macro that casts its argument, so that a pointer to any
 * object struct can be passed. Unless stated otherwise, an argument must not be NULL and is evaluated once.
 * cbindgen writes this text after the #endif of the header's include guard, so it has its own guard. */

#ifndef PYREFCORE_INLINE_H
#define PYREFCORE_INLINE_H

#if UINTPTR_MAX != 0xFFFFFFFFFFFFFFFF || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "pyrefcore.h needs a 64-bit little-endian target"
#endif

/* Inlining is forced where CPython forces it: from 3.12 on, but not in debug builds. */
#if PY_VERSION_HEX >= 0x030C0000 && !defined(Py_DEBUG)
#define PYREFCORE_ALWAYS_INLINE __attribute__((always_inline))
#else
#define PYREFCORE_ALWAYS_INLINE
#endif

/* The name of an inline function that a macro Py_NAME calls. From 3.11 on CPython gives both the same name. */
#if PY_VERSION_HEX >= 0x030B0000
#define PYREFCORE_INLINE(name) Py_##name
#else
#define PYREFCORE_INLINE(name) _Py_##name
#endif
/* 3.14 and 3.15 export functions with the names of some macros. So the inline functions need other names there. */
#if PY_VERSION_HEX >= 0x030F0000
#define PYREFCORE_INLINE_TYPE _Py_TYPE_impl
#define PYREFCORE_INLINE_SIZED(name) _Py_##name##_impl
#else
#define PYREFCORE_INLINE_SIZED(name) PYREFCORE_INLINE(name)
#endif
#if PY_VERSION_HEX >= 0x030E0000
#define PYREFCORE_INLINE_REFCNT _Py_REFCNT
#ifndef PYREFCORE_INLINE_TYPE
#define PYREFCORE_INLINE_TYPE _Py_TYPE
#endif
#else
#define PYREFCORE_INLINE_REFCNT PYREFCORE_INLINE(REFCNT)
#define PYREFCORE_INLINE_TYPE PYREFCORE_INLINE(TYPE)
#endif

/* These cast a pointer to any object struct, without a check. */
#define _PyObject_CAST(op) ((PyObject *)(op))
#define _PyVarObject_CAST(op) ((PyVarObject *)(op))
#if PY_VERSION_HEX >= 0x03090000 && PY_VERSION_HEX < 0x030B0000
#define _PyObject_CAST_CONST(op) ((const PyObject *)(op))
#endif
#if PY_VERSION_HEX >= 0x030A0000 && PY_VERSION_HEX < 0x030B0000
#define _PyVarObject_CAST_CONST(op) ((const PyVarObject *)(op))
#endif
#if PY_VERSION_HEX >= 0x030B0000
#define _PyType_CAST(op) ((PyTypeObject *)(op))
#endif

/* This stands for an unknown number of items. */
#define Py_INVALID_SIZE (Py_ssize_t)-1

/* These check an expression about an object, unless NDEBUG is defined. If it is false, _PyObject_AssertFailed
 * reports it and aborts. `msg` is NULL or a C string. */
#ifdef NDEBUG
#define _PyObject_ASSERT_FROM(obj, expr, msg, filename, lineno, func) ((void)0)
#else
#define _PyObject_ASSERT_FROM(obj, expr, msg, filename, lineno, func) \
    ((expr) ? (void)0 : _PyObject_AssertFailed((obj), #expr, (msg), (filename), (lineno), (func)))
#endif
#define _PyObject_ASSERT_WITH_MSG(obj, expr, msg) \
    _PyObject_ASSERT_FROM((obj), expr, (msg), __FILE__, __LINE__, __func__)
#define _PyObject_ASSERT(obj, expr) _PyObject_ASSERT_WITH_MSG((obj), expr, NULL)
#define _PyObject_ASSERT_FAILED_MSG(obj, msg) \
    _PyObject_AssertFailed((obj), NULL, (msg), __FILE__, __LINE__, __func__)

/* ---- Immortality ---- */

/* An immortal object is never freed. 3.8 to 3.11 have no immortal objects. From 3.12 on the sign bit of the lower
 * 32 bits marks one. 3.14 moved the initial value to the middle of the marked range: code that still counts an
 * immortal object then needs very many steps to leave that range. In free-threaded flavours an ob_ref_local of all
 * ones marks an immortal object, and in 3.14 the initial value is only the result of Py_REFCNT. */
#if PY_VERSION_HEX >= 0x030E0000
#define _Py_IMMORTAL_FLAGS 1
#define _Py_STATICALLY_ALLOCATED_FLAG 4
#define _Py_IMMORTAL_INITIAL_REFCNT (3ULL << 30)
#define _Py_IMMORTAL_MINIMUM_REFCNT (1ULL << 31)
#define _Py_STATIC_FLAG_BITS ((Py_ssize_t)(_Py_STATICALLY_ALLOCATED_FLAG | _Py_IMMORTAL_FLAGS))
#define _Py_STATIC_IMMORTAL_INITIAL_REFCNT \
    ((Py_ssize_t)_Py_IMMORTAL_INITIAL_REFCNT | (_Py_STATIC_FLAG_BITS << 48))

/* This is true for a statically allocated object, which is immortal. */
static inline PYREFCORE_ALWAYS_INLINE int _Py_IsStaticImmortal(PyObject *op)
{
    return (op->ob_flags & _Py_STATICALLY_ALLOCATED_FLAG) != 0;
}
#define _Py_IsStaticImmortal(op) _Py_IsStaticImmortal(_PyObject_CAST(op))
#elif PY_VERSION_HEX >= 0x030D0000
#define _Py_IMMORTAL_REFCNT ((Py_ssize_t)0xFFFFFFFF)
#elif PY_VERSION_HEX >= 0x030C0000
#define _Py_IMMORTAL_REFCNT UINT32_MAX
#endif
#ifdef Py_GIL_DISABLED
#define _Py_IMMORTAL_REFCNT_LOCAL UINT32_MAX
#endif

/* ---- Object heads ---- */

/* Every object struct starts with one of these. PyObject_VAR_HEAD is for a struct that ends with items. */
#define PyObject_HEAD PyObject ob_base;
#define PyObject_VAR_HEAD PyVarObject ob_base;

/* The two links in front of a head where Py_TRACE_REFS is on, up to 3.12, and their initialisers. */
#if defined(Py_TRACE_REFS) && PY_VERSION_HEX < 0x030D0000
#define _PyObject_HEAD_EXTRA PyObject *_ob_next; PyObject *_ob_prev;
#define _PyObject_EXTRA_INIT NULL, NULL,
#else
#if PY_VERSION_HEX < 0x030D0000
#define _PyObject_HEAD_EXTRA
#endif
#define _PyObject_EXTRA_INIT
#endif

/* These initialise the head of a static object. They end with the comma that must follow. The count starts at 1 up
 * to 3.12. From 3.13 on the object is immortal. */
#if defined(Py_GIL_DISABLED) && PY_VERSION_HEX >= 0x030E0000
#define PyObject_HEAD_INIT(type) { 0, _Py_STATICALLY_ALLOCATED_FLAG, { 0 }, 0, _Py_IMMORTAL_REFCNT_LOCAL, 0, (type) },
#elif defined(Py_GIL_DISABLED)
#define PyObject_HEAD_INIT(type) { 0, 0, { 0 }, 0, _Py_IMMORTAL_REFCNT_LOCAL, 0, (type) },
#elif PY_VERSION_HEX >= 0x030E0000
#define PyObject_HEAD_INIT(type) { _Py_IMMORTAL_INITIAL_REFCNT, 0, _Py_STATIC_FLAG_BITS, (type) },
#elif PY_VERSION_HEX >= 0x030D0000
#define PyObject_HEAD_INIT(type) { _Py_IMMORTAL_REFCNT, (type) },
#else
#define PyObject_HEAD_INIT(type) { _PyObject_EXTRA_INIT 1, (type) },
#endif
#define PyVarObject_HEAD_INIT(type, size) { PyObject_HEAD_INIT(type) (size) },

/* ---- Fields ---- */

/* These read the head. Up to 3.10 one can assign to Py_TYPE and Py_SIZE, as with CPython's. CPython 3.12 and newer
 * also assert that the object of Py_SIZE and Py_SET_SIZE is no int. Here this check is missing, for want of an int
 * type. */
#if PY_VERSION_HEX < 0x030B0000
#define Py_TYPE(op) (_PyObject_CAST(op)->ob_type)
#define Py_SIZE(op) (_PyVarObject_CAST(op)->ob_size)
#else
static inline PyTypeObject *PYREFCORE_INLINE_TYPE(PyObject *op) { return op->ob_type; }
#define Py_TYPE(op) PYREFCORE_INLINE_TYPE(_PyObject_CAST(op))

static inline Py_ssize_t PYREFCORE_INLINE_SIZED(SIZE)(PyObject *op) { return _PyVarObject_CAST(op)->ob_size; }
#define Py_SIZE(op) PYREFCORE_INLINE_SIZED(SIZE)(_PyObject_CAST(op))
#endif

/* This is true when both are the same object. CPython has it from 3.10 on. */
#define Py_Is(x, y) ((x) == (y))

/* This is true when the object's type is `type` itself and not a subtype. CPython has it, and the setters below,
 * from 3.9 on. */
#if PY_VERSION_HEX < 0x030B0000
static inline int _Py_IS_TYPE(const PyObject *op, const PyTypeObject *type) { return op->ob_type == type; }
#define Py_IS_TYPE(op, type) _Py_IS_TYPE((const PyObject *)(op), (type))
#else
static inline int PYREFCORE_INLINE_SIZED(IS_TYPE)(PyObject *op, PyTypeObject *type) { return op->ob_type == type; }
#define Py_IS_TYPE(op, type) PYREFCORE_INLINE_SIZED(IS_TYPE)(_PyObject_CAST(op), (type))
#endif

/* Py_SET_TYPE counts no references: neither the old type's nor the new type's. */
static inline void PYREFCORE_INLINE(SET_TYPE)(PyObject *op, PyTypeObject *type) { op->ob_type = type; }
#define Py_SET_TYPE(op, type) PYREFCORE_INLINE(SET_TYPE)(_PyObject_CAST(op), (type))

static inline void PYREFCORE_INLINE_SIZED(SET_SIZE)(PyVarObject *op, Py_ssize_t size)
{
#ifdef Py_GIL_DISABLED
    __atomic_store_n(&op->ob_size, size, __ATOMIC_RELAXED);
#else
    op->ob_size = size;
#endif
}
#define Py_SET_SIZE(op, size) PYREFCORE_INLINE_SIZED(SET_SIZE)(_PyVarObject_CAST(op), (size))

