/* ---- Counting ---- */

/* A name from older versions. */
#if defined(Py_REF_DEBUG) && PY_VERSION_HEX >= 0x030C0000
#define _Py_GetRefTotal() _Py_GetGlobalRefTotal()
#endif

#ifndef Py_GIL_DISABLED

/* This is true when Py_DECREF leaves the object alone. */
#if PY_VERSION_HEX >= 0x030C0000
static inline PYREFCORE_ALWAYS_INLINE int _Py_IsImmortal(PyObject *op)
{
    return (int32_t)op->ob_refcnt < 0;
}
#define _Py_IsImmortal(op) _Py_IsImmortal(_PyObject_CAST(op))
#endif

/* The number of references. It can be assigned to in 3.8 and 3.9. */
#if PY_VERSION_HEX < 0x030A0000
#define Py_REFCNT(op) (_PyObject_CAST(op)->ob_refcnt)
#elif PY_VERSION_HEX < 0x030B0000
static inline Py_ssize_t _Py_REFCNT(const PyObject *op) { return op->ob_refcnt; }
#define Py_REFCNT(op) _Py_REFCNT(_PyObject_CAST_CONST(op))
#else
static inline Py_ssize_t PYREFCORE_INLINE_REFCNT(PyObject *op) { return op->ob_refcnt; }
#define Py_REFCNT(op) PYREFCORE_INLINE_REFCNT(_PyObject_CAST(op))
#endif

/* Py_SET_REFCNT changes no total, and setting 0 frees nothing. From 3.12 on an immortal object keeps its
 * count. 3.14 and newer store 32 bits, and keep the flags in the upper half. */
static inline void PYREFCORE_INLINE(SET_REFCNT)(PyObject *op, Py_ssize_t refcnt)
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
#define Py_SET_REFCNT(op, refcnt) PYREFCORE_INLINE(SET_REFCNT)(_PyObject_CAST(op), (refcnt))

/* Up to 3.11, where Py_REF_DEBUG is on, inline functions change the total directly. The additions are atomic, because
 * several threads may count at once. */
#if defined(Py_REF_DEBUG) && PY_VERSION_HEX < 0x030C0000
#define PYREFCORE_INC_TOTAL ((void)__atomic_fetch_add(&_Py_RefTotal, 1, __ATOMIC_RELAXED))
#define PYREFCORE_DEC_TOTAL ((void)__atomic_fetch_sub(&_Py_RefTotal, 1, __ATOMIC_RELAXED))
#else
#define PYREFCORE_INC_TOTAL ((void)0)
#define PYREFCORE_DEC_TOTAL ((void)0)
#endif

/* CPython's 3.8 headers use these internally. The first two are empty without Py_REF_DEBUG. The others are always
 * empty: they belong to COUNT_ALLOCS, which no flavour has. */
#if PY_VERSION_HEX < 0x03090000
#define _Py_INC_REFTOTAL PYREFCORE_INC_TOTAL
#define _Py_DEC_REFTOTAL PYREFCORE_DEC_TOTAL
#define _Py_INC_TPALLOCS(op)
#define _Py_INC_TPFREES(op)
#define _Py_DEC_TPFREES(op)
#define _Py_COUNT_ALLOCS_COMMA

/* In CPython 3.8 _Py_Dealloc may be a macro for this function. Here _Py_Dealloc itself is a function. */
static inline void _Py_Dealloc_inline(PyObject *op) { _Py_Dealloc(op); }
#ifndef Py_TRACE_REFS
/* Without Py_TRACE_REFS there is no list of all objects. */
static inline void _Py_ForgetReference(PyObject *op) { (void)op; }
#endif
#endif

/* Py_INCREF adds a reference. Where Py_REF_DEBUG is on the total grows too. 3.12 and 3.13 still raise the count of
 * some immortal objects, and then the total. 3.14 and newer do not count an object in the total that is immortal
 * afterwards. */
static inline PYREFCORE_ALWAYS_INLINE void PYREFCORE_INLINE(INCREF)(PyObject *op)
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
    /* Only the lower half is written. There is no carry into the upper half. */
    uint32_t count = (uint32_t)op->ob_refcnt + 1;
    if (count == 0) {
        return;
    }
    memcpy(&op->ob_refcnt, &count, sizeof count);
#ifdef Py_REF_DEBUG
    _Py_INCREF_IncRefTotal();
#endif
#else
    PYREFCORE_INC_TOTAL;
    op->ob_refcnt++;
#endif
}
#define Py_INCREF(op) PYREFCORE_INLINE(INCREF)(_PyObject_CAST(op))

/* Py_DECREF gives back one reference. If it was the last, _Py_Dealloc ends the object. Where Py_REF_DEBUG is on, a
 * bad count ends the process with the caller's file and line. Up to 3.11 a count is bad if it is negative
 * afterwards. From 3.12 on it is bad if it is not positive before. From 3.14 on it is also bad if it is so large that
 * the memory must have been freed. The inline function has parameters for file and line in front of the object where
 * Py_REF_DEBUG is on, and always in 3.8. */
#if PY_VERSION_HEX < 0x030C0000
#if defined(Py_REF_DEBUG) || PY_VERSION_HEX < 0x03090000
static inline void PYREFCORE_INLINE(DECREF)(const char *filename, int lineno, PyObject *op)
{
    (void)filename;
    (void)lineno;
#else
static inline void PYREFCORE_INLINE(DECREF)(PyObject *op)
{
#endif
    PYREFCORE_DEC_TOTAL;
    if (--op->ob_refcnt == 0) {
        _Py_Dealloc(op);
    }
#ifdef Py_REF_DEBUG
    else if (op->ob_refcnt < 0) {
        _Py_NegativeRefcount(filename, lineno, op);
    }
#endif
}
#elif defined(Py_REF_DEBUG)
static inline void Py_DECREF(const char *filename, int lineno, PyObject *op)
{
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
}
#else
static inline PYREFCORE_ALWAYS_INLINE void Py_DECREF(PyObject *op)
{
    if (_Py_IsImmortal(op)) {
        return;
    }
    if (--op->ob_refcnt == 0) {
        _Py_Dealloc(op);
    }
}
#endif
#if defined(Py_REF_DEBUG) || PY_VERSION_HEX < 0x03090000
#define Py_DECREF(op) PYREFCORE_INLINE(DECREF)(__FILE__, __LINE__, _PyObject_CAST(op))
#else
#define Py_DECREF(op) PYREFCORE_INLINE(DECREF)(_PyObject_CAST(op))
#endif

#endif /* !Py_GIL_DISABLED */

