/* ---- Counting, free-threaded ---- */

#ifdef Py_GIL_DISABLED

/* One thread owns an object and counts its own references in ob_ref_local, without locked instructions. All other
 * threads count in ob_ref_shared, from bit 2 on. The two low bits of ob_ref_shared are a state. MAYBE_WEAKREF: a
 * thread without a reference may try to take one. QUEUED: the object waits until its owner merges both counts into
 * ob_ref_shared. MERGED: the counts were merged, and the object has no owner. */
#define _Py_UNOWNED_TID 0
#define _Py_REF_SHARED_SHIFT 2
#define _Py_REF_SHARED_FLAG_MASK 0x3
#define _Py_REF_SHARED_INIT 0x0
#define _Py_REF_MAYBE_WEAKREF 0x1
#define _Py_REF_QUEUED 0x2
#define _Py_REF_MERGED 0x3
#define _Py_REF_SHARED(refcnt, flags) (((refcnt) << _Py_REF_SHARED_SHIFT) + (flags))

/* CPython's id of the calling thread; never 0. */
static inline uintptr_t _Py_ThreadId(void)
{
    uintptr_t tid;
#if defined(__x86_64__)
    __asm__("movq %%fs:0, %0" : "=r" (tid));
#elif defined(__aarch64__)
    __asm__ ("mrs %0, tpidr_el0" : "=r" (tid));
#else
    tid = _Py_GetThreadLocal_Addr();
#endif
    return tid;
}

#if defined(__SANITIZE_THREAD__)
#define PYREFCORE_OWNER(op) __atomic_load_n(&(op)->ob_tid, __ATOMIC_RELAXED)
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PYREFCORE_OWNER(op) __atomic_load_n(&(op)->ob_tid, __ATOMIC_RELAXED)
#endif
#endif
#ifndef PYREFCORE_OWNER
#define PYREFCORE_OWNER(op) ((op)->ob_tid)
#endif

/* This is true when the calling thread owns the object. If ob_tid is the caller's id, only the caller can change it.
 * So a plain load is enough, as in CPython. Only the thread sanitizer needs an atomic one. */
static inline PYREFCORE_ALWAYS_INLINE int _Py_IsOwnedByCurrentThread(PyObject *op)
{
    return PYREFCORE_OWNER(op) == _Py_ThreadId();
}

/* This is true when Py_DECREF leaves the object alone. */
static inline PYREFCORE_ALWAYS_INLINE int _Py_IsImmortal(PyObject *op)
{
    return __atomic_load_n(&op->ob_ref_local, __ATOMIC_RELAXED) == _Py_IMMORTAL_REFCNT_LOCAL;
}
#define _Py_IsImmortal(op) _Py_IsImmortal(_PyObject_CAST(op))

/* The number of references. Where other threads count, it is out of date at once. */
static inline Py_ssize_t PYREFCORE_INLINE_REFCNT(PyObject *op)
{
    uint32_t local = __atomic_load_n(&op->ob_ref_local, __ATOMIC_RELAXED);
    if (local == _Py_IMMORTAL_REFCNT_LOCAL) {
#if PY_VERSION_HEX >= 0x030E0000
        return (Py_ssize_t)_Py_IMMORTAL_INITIAL_REFCNT;
#else
        return _Py_IMMORTAL_REFCNT;
#endif
    }
    Py_ssize_t shared = __atomic_load_n(&op->ob_ref_shared, __ATOMIC_RELAXED);
    return (Py_ssize_t)local + (shared >> _Py_REF_SHARED_SHIFT);
}
#define Py_REFCNT(op) PYREFCORE_INLINE_REFCNT(_PyObject_CAST(op))

/* Py_SET_REFCNT changes no total, and setting 0 frees nothing. An immortal object keeps its count. An object that the
 * calling thread does not own has no owner afterwards. No other thread may count meanwhile. */
static inline void Py_SET_REFCNT(PyObject *op, Py_ssize_t refcnt)
{
#if PY_VERSION_HEX >= 0x030E0000
    assert(refcnt >= 0);
#endif
    if (_Py_IsImmortal(op)) {
        return;
    }
    if (!_Py_IsOwnedByCurrentThread(op)) {
        op->ob_tid = _Py_UNOWNED_TID;
        op->ob_ref_local = 0;
        op->ob_ref_shared = _Py_REF_SHARED(refcnt, _Py_REF_MERGED);
    }
    else if ((size_t)refcnt > (size_t)UINT32_MAX) {
        op->ob_tid = _Py_UNOWNED_TID;
        op->ob_ref_local = _Py_IMMORTAL_REFCNT_LOCAL;
        op->ob_ref_shared = 0;
    }
    else {
        op->ob_ref_local = (uint32_t)refcnt;
        op->ob_ref_shared &= _Py_REF_SHARED_FLAG_MASK;
    }
}
#define Py_SET_REFCNT(op, refcnt) Py_SET_REFCNT(_PyObject_CAST(op), (refcnt))

/* Py_INCREF adds a reference. Where Py_REF_DEBUG is on the total grows too. 3.14 and newer do not count an object in
 * the total that is immortal afterwards. The addition is sequentially consistent, as CPython's is. */
static inline PYREFCORE_ALWAYS_INLINE void Py_INCREF(PyObject *op)
{
    uint32_t local = __atomic_load_n(&op->ob_ref_local, __ATOMIC_RELAXED) + 1;
    if (local == 0) {
        return;
    }
    if (_Py_IsOwnedByCurrentThread(op)) {
        __atomic_store_n(&op->ob_ref_local, local, __ATOMIC_RELAXED);
    }
    else {
        __atomic_fetch_add(&op->ob_ref_shared, (Py_ssize_t)1 << _Py_REF_SHARED_SHIFT, __ATOMIC_SEQ_CST);
    }
#ifdef Py_REF_DEBUG
#if PY_VERSION_HEX >= 0x030E0000
    if (_Py_IsImmortal(op)) {
        return;
    }
#endif
    _Py_INCREF_IncRefTotal();
#endif
}
#define Py_INCREF(op) Py_INCREF(_PyObject_CAST(op))

/* Py_DECREF gives back one reference. When the owner's own count reaches zero, the counts are merged, and the object
 * may die. Other threads give back through _Py_DecRefShared. Where Py_REF_DEBUG is on, a release by the owner whose
 * own count is zero ends the process with the caller's file and line. */
#ifdef Py_REF_DEBUG
static inline void Py_DECREF(const char *filename, int lineno, PyObject *op)
#else
static inline void Py_DECREF(PyObject *op)
#endif
{
    uint32_t local = __atomic_load_n(&op->ob_ref_local, __ATOMIC_RELAXED);
    if (local == _Py_IMMORTAL_REFCNT_LOCAL) {
        return;
    }
#ifdef Py_REF_DEBUG
    _Py_DECREF_DecRefTotal();
#endif
    if (_Py_IsOwnedByCurrentThread(op)) {
#ifdef Py_REF_DEBUG
        if (local == 0) {
            _Py_NegativeRefcount(filename, lineno, op);
        }
#endif
        local--;
        __atomic_store_n(&op->ob_ref_local, local, __ATOMIC_RELAXED);
        if (local == 0) {
            _Py_MergeZeroLocalRefcount(op);
        }
    }
    else {
#ifdef Py_REF_DEBUG
        _Py_DecRefSharedDebug(op, filename, lineno);
#else
        _Py_DecRefShared(op);
#endif
    }
}
#ifdef Py_REF_DEBUG
#define Py_DECREF(op) Py_DECREF(__FILE__, __LINE__, _PyObject_CAST(op))
#else
#define Py_DECREF(op) Py_DECREF(_PyObject_CAST(op))
#endif

#endif /* Py_GIL_DISABLED */

