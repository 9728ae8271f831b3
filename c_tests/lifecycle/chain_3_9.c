/* The counting functions of CPython 3.9 and 3.10, word by word from Include/object.h and Objects/object.c. Their names
 * have the prefix `own`, and the code for the limited API is left out. */
#include "chain.h"

#if PY_VERSION_HEX >= 0x03090000 && PY_VERSION_HEX < 0x030B0000
static void own_Py_Dealloc(PyObject *op);

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

static inline void own_Py_INCREF(PyObject *op)
{
#ifdef Py_REF_DEBUG
    _Py_RefTotal++;
#endif
    op->ob_refcnt++;
}
#define ownPy_INCREF(op) own_Py_INCREF(_PyObject_CAST(op))

static inline void own_Py_DECREF(
#ifdef Py_REF_DEBUG
    const char *filename, int lineno,
#endif
    PyObject *op)
{
#ifdef Py_REF_DEBUG
    _Py_RefTotal--;
#endif
    if (--op->ob_refcnt != 0) {
#ifdef Py_REF_DEBUG
        if (op->ob_refcnt < 0) {
            _Py_NegativeRefcount(filename, lineno, op);
        }
#endif
    }
    else {
        own_Py_Dealloc(op);
    }
}
#ifdef Py_REF_DEBUG
#  define ownPy_DECREF(op) own_Py_DECREF(__FILE__, __LINE__, _PyObject_CAST(op))
#else
#  define ownPy_DECREF(op) own_Py_DECREF(_PyObject_CAST(op))
#endif

/* Function to use in case the object pointer can be NULL: */
static inline void own_Py_XINCREF(PyObject *op)
{
    if (op != NULL) {
        ownPy_INCREF(op);
    }
}

#define ownPy_XINCREF(op) own_Py_XINCREF(_PyObject_CAST(op))

static inline void own_Py_XDECREF(PyObject *op)
{
    if (op != NULL) {
        ownPy_DECREF(op);
    }
}

#define ownPy_XDECREF(op) own_Py_XDECREF(_PyObject_CAST(op))

static void
own_Py_Dealloc(PyObject *op)
{
    destructor dealloc = Py_TYPE(op)->tp_dealloc;
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
static const struct chain own = { own_Py_NewReference, ownPy_IncRef, ownPy_DecRef, own_Py_INCREF, decref,
                                  own_Py_XINCREF, own_Py_XDECREF, own_Py_Dealloc };

/* The header's functions have CPython's names and arguments. */
static void header_links(void)
{
    PyObject *op = chain_memory();
    _Py_NewReference(op);
    _Py_SET_REFCNT(op, 1);
    _Py_SET_TYPE(op, &Link_Type);
    CHECK(_Py_IS_TYPE(_PyObject_CAST_CONST(op), &Link_Type));
    _Py_INCREF(op);
    _Py_XINCREF(op);
    EQUAL(Py_REFCNT(op), 3);
    _Py_XDECREF(op);
    chain_dead = 0;
#ifdef Py_REF_DEBUG
    _Py_DECREF(__FILE__, __LINE__, op);
    _Py_DECREF(__FILE__, __LINE__, op);
#else
    _Py_DECREF(op);
    _Py_DECREF(op);
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
