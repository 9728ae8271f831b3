/* Compares CPython's own functions, from birth to death, with the header's functions. CPython's are copied word by word
 * and use the header's names. A program that includes this file defines `own`, a struct chain of CPython's text for its
 * versions. Each function calls the next lower one; the lowest ones call what the library exports. */
#ifndef CHAIN_H
#define CHAIN_H
#include "testing.h"
#include "things.h"

#if PY_VERSION_HEX < 0x030C0000
/* The functions that the cases call. Where a version's function also takes a file and a line, a wrapper passes them. */
struct chain {
    void (*NewReference)(PyObject *);
    void (*IncRef)(PyObject *), (*DecRef)(PyObject *);
    void (*INCREF)(PyObject *), (*DECREF)(PyObject *);
    void (*XINCREF)(PyObject *), (*XDECREF)(PyObject *);
    void (*Dealloc)(PyObject *);
};

static int chain_dead;
static void chain_dealloc(PyObject *op)
{
    EQUAL(Py_REFCNT(op), 0);
    chain_dead++;
    PyObject_Free(op);
}
static PyTypeObject Link_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Link", .tp_basicsize = sizeof(PyObject), .tp_dealloc = chain_dealloc,
};

/* Memory with a type and without a valid count. */
static __attribute__((noinline)) PyObject *chain_memory(void)
{
    PyObject *op = PyObject_Malloc(sizeof(PyObject));
    assert(op != NULL);
    memset(op, 0, sizeof *op);
    Py_SET_TYPE(op, &Link_Type);
    Py_SET_REFCNT(op, 77);
    return op;
}

/* How often `op` is in the list of all objects; 1 where there is no list. */
static int chain_listed(PyObject *op)
{
#ifdef Py_TRACE_REFS
    char *text, *at, wanted[32];
    size_t size;
    int times = 0;
    FILE *stream = open_memstream(&text, &size);
    _Py_PrintReferenceAddresses(stream);
    fclose(stream);
    snprintf(wanted, sizeof wanted, "\n%p [", (void *)op);
    for (at = text; (at = strstr(at, wanted)) != NULL; at++) {
        times++;
    }
    free(text);
    return times;
#else
    (void)op;
    return 1;
#endif
}

static int chain_first_frame(const pyrefcore_frame *frame, void *name)
{
    strcpy(name, frame->function != NULL ? frame->function : "?");
    return 1;
}

static void chain_lives(const struct chain *chain, int traced)
{
    char function[1000] = "";
    if (traced) {
        pyrefcore_trace_start(1);
    }
    EQUAL(_Py_tracemalloc_config.tracing, traced);
    PyObject *op = chain_memory();
    NOTE_TOTAL();
    chain->NewReference(op);
    EQUAL(Py_REFCNT(op), 1);
    EQUAL(chain_listed(op), 1);
    GAINED(1);
    /* tracemalloc has recorded the birth: the block's stack is no longer that of the allocation. */
    pyrefcore_block_stack(0, (size_t)op, chain_first_frame, function);
    CHECK(traced ? *function != 0 && strcmp(function, "chain_memory") != 0 : *function == 0);

    chain->IncRef(op);
    chain->INCREF(op);
    chain->XINCREF(op);
    EQUAL(Py_REFCNT(op), 4);
    GAINED(4);
    chain->IncRef(NULL);
    chain->XINCREF(NULL);
    chain->DecRef(NULL);
    chain->XDECREF(NULL);
    GAINED(4);
    chain->DecRef(op);
    chain->DECREF(op);
    EQUAL(Py_REFCNT(op), 2);
    chain->XDECREF(op);
    EQUAL(Py_REFCNT(op), 1);
    GAINED(1);
    EQUAL(chain_listed(op), 1);
    chain_dead = 0;
    chain->DecRef(op);
    EQUAL(chain_dead, 1);
    GAINED(0);

    /* A death without a release. */
    op = chain_memory();
    chain->NewReference(op);
    Py_SET_REFCNT(op, 0);
    chain->Dealloc(op);
    EQUAL(chain_dead, 2);
    if (traced) {
        pyrefcore_trace_stop();
    }
}

/* The header's chain. Its macros are called by name. */
static void header_new(PyObject *op) { _Py_NewReference(op); }
static void header_incref(PyObject *op) { Py_INCREF(op); }
static void header_decref(PyObject *op) { Py_DECREF(op); }
static void header_xincref(PyObject *op) { Py_XINCREF(op); }
static void header_xdecref(PyObject *op) { Py_XDECREF(op); }
static const struct chain header = { header_new, Py_IncRef, Py_DecRef, header_incref, header_decref,
                                     header_xincref, header_xdecref, _Py_Dealloc };

/* The program that includes this file defines it. */
static const struct chain own;
static void own_chain(void) { chain_lives(&own, 0); }
static void own_chain_traced(void) { chain_lives(&own, 1); }
static void header_chain(void) { chain_lives(&header, 0); }
static void header_chain_traced(void) { chain_lives(&header, 1); }

#ifdef Py_REF_DEBUG
static void chain_over_release(void)
{
    PyObject *op = chain_memory();
    own.NewReference(op);
    Py_SET_REFCNT(op, 0);
    own.DECREF(op);
}
#endif

static inline int chain_main(const char *file)
{
    (void)file;
    RUN(own_chain);
    RUN(own_chain_traced);
    RUN(header_chain);
    RUN(header_chain_traced);
#ifdef Py_REF_DEBUG
    expect_death("one release too many", SIGABRT, chain_over_release, "_Py_NegativeRefcount", file);
#endif
    return summary();
}
#endif
#endif
