/* CPython 3.11's counting functions, word by word from Include/object.h and Objects/object.c, with the prefix `own` and
 * without the code for the limited API. */
#include "chain.h"

#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030C0000
static void own_Py_Dealloc(PyObject *op);
#define _Py_NULL NULL

static void
own_Py_NewReference(PyObject *op)
{
    if (_Py_tracemalloc_config.tracing) {
        _PyTraceMalloc_NewReference(op);
    }
#ifdef Py_REF_DEBUG
    _Py_RefTotal++;
#endif
    Py_SET_REFCNT(op, 1);
#ifdef Py_TRACE_REFS
    _Py_AddToAllObjects(op, 1);
#endif
}

static inline void ownPy_INCREF(PyObject *op)
{
#ifdef Py_REF_DEBUG
    _Py_RefTotal++;
#endif
    op->ob_refcnt++;
}
#define ownPy_INCREF(op) ownPy_INCREF(_PyObject_CAST(op))

#if defined(Py_REF_DEBUG)
static inline void ownPy_DECREF(const char *filename, int lineno, PyObject *op)
{
    _Py_RefTotal--;
    if (--op->ob_refcnt != 0) {
        if (op->ob_refcnt < 0) {
            _Py_NegativeRefcount(filename, lineno, op);
        }
    }
    else {
        own_Py_Dealloc(op);
    }
}
#define ownPy_DECREF(op) ownPy_DECREF(__FILE__, __LINE__, _PyObject_CAST(op))

#else
static inline void ownPy_DECREF(PyObject *op)
{
    // Non-limited C API and limited C API for Python 3.9 and older access
    // directly PyObject.ob_refcnt.
    if (--op->ob_refcnt == 0) {
        own_Py_Dealloc(op);
    }
}
#define ownPy_DECREF(op) ownPy_DECREF(_PyObject_CAST(op))
#endif

/* Function to use in case the object pointer can be NULL: */
static inline void ownPy_XINCREF(PyObject *op)
{
    if (op != _Py_NULL) {
        ownPy_INCREF(op);
    }
}
#define ownPy_XINCREF(op) ownPy_XINCREF(_PyObject_CAST(op))

static inline void ownPy_XDECREF(PyObject *op)
{
    if (op != _Py_NULL) {
        ownPy_DECREF(op);
    }
}
#define ownPy_XDECREF(op) ownPy_XDECREF(_PyObject_CAST(op))

static void
own_Py_Dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    destructor dealloc = type->tp_dealloc;
#ifdef Py_TRACE_REFS
    _Py_ForgetReference(op);
#endif
    (*dealloc)(op);
}

static void
ownPy_IncRef(PyObject *o)
{
    ownPy_XINCREF(o);
}

static void
ownPy_DecRef(PyObject *o)
{
    ownPy_XDECREF(o);
}

static void decref(PyObject *op) { ownPy_DECREF(op); }
static const struct chain own = { own_Py_NewReference, ownPy_IncRef, ownPy_DecRef, ownPy_INCREF, decref,
                                  ownPy_XINCREF, ownPy_XDECREF, own_Py_Dealloc };

/* The header has functions with the names of the macros. */
static void header_links(void)
{
    void (*incref)(PyObject *) = Py_INCREF, (*xincref)(PyObject *) = Py_XINCREF, (*xdecref)(PyObject *) = Py_XDECREF;
    PyObject *op = chain_memory();
    _Py_NewReference(op);
    (Py_SET_REFCNT)(op, 1);
    (Py_SET_TYPE)(op, &Link_Type);
    CHECK((Py_IS_TYPE)(op, &Link_Type) && (Py_TYPE)(op) == &Link_Type);
    incref(op);
    xincref(op);
    EQUAL((Py_REFCNT)(op), 3);
    xdecref(op);
    chain_dead = 0;
#ifdef Py_REF_DEBUG
    (Py_DECREF)(__FILE__, __LINE__, op);
    (Py_DECREF)(__FILE__, __LINE__, op);
#else
    (Py_DECREF)(op);
    (Py_DECREF)(op);
#endif
    EQUAL(chain_dead, 1);
}

int main(void)
{
    RUN(header_links);
    return chain_main(__FILE__);
}
#else
int main(void) { return summary(); }
#endif
