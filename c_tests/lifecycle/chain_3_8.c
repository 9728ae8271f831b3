/* CPython 3.8's counting functions, word by word from Include/object.h and Objects/object.c, with the prefix `own`. */
#include "chain.h"

#if PY_VERSION_HEX < 0x03090000
static void own_Py_Dealloc(PyObject *op);

/* Without Py_TRACE_REFS it is inline in object.h; with it, in object.c. */
#ifdef Py_TRACE_REFS
static void
own_Py_NewReference(PyObject *op)
{
    if (_Py_tracemalloc_config.tracing) {
        _PyTraceMalloc_NewReference(op);
    }
    _Py_INC_REFTOTAL;
    op->ob_refcnt = 1;
    _Py_AddToAllObjects(op, 1);
    _Py_INC_TPALLOCS(op);
}
#else
static inline void own_Py_NewReference(PyObject *op)
{
    if (_Py_tracemalloc_config.tracing) {
        _PyTraceMalloc_NewReference(op);
    }
    _Py_INC_TPALLOCS(op);
    _Py_INC_REFTOTAL;
    Py_REFCNT(op) = 1;
}
#endif /* !Py_TRACE_REFS */

static inline void own_Py_INCREF(PyObject *op)
{
    _Py_INC_REFTOTAL;
    op->ob_refcnt++;
}

#define ownPy_INCREF(op) own_Py_INCREF(_PyObject_CAST(op))

static inline void own_Py_DECREF(const char *filename, int lineno,
                                 PyObject *op)
{
    (void)filename; /* may be unused, shut up -Wunused-parameter */
    (void)lineno; /* may be unused, shut up -Wunused-parameter */
    _Py_DEC_REFTOTAL;
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

#define ownPy_DECREF(op) own_Py_DECREF(__FILE__, __LINE__, _PyObject_CAST(op))

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

static inline void own_Py_Dealloc_inline(PyObject *op)
{
    destructor dealloc = Py_TYPE(op)->tp_dealloc;
#ifdef Py_TRACE_REFS
    _Py_ForgetReference(op);
#else
    _Py_INC_TPFREES(op);
#endif
    (*dealloc)(op);
}

static void
own_Py_Dealloc(PyObject *op)
{
    own_Py_Dealloc_inline(op);
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
    _Py_INCREF(op);
    _Py_XINCREF(op);
    EQUAL(Py_REFCNT(op), 3);
    _Py_XDECREF(op);
    _Py_DECREF(__FILE__, __LINE__, op);
    EQUAL(Py_REFCNT(op), 1);
    Py_REFCNT(op) = 0;
    chain_dead = 0;
    _Py_Dealloc_inline(op);
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
