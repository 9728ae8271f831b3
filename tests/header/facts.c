/* Prints the layouts and names of a header, one `name value` a line. It is compiled once against pyrefcore.h and
 * once, with -DAGAINST_PYTHON_H, against Python.h. -DWITH_INTERNALS adds CPython's internal headers, which declare
 * some of the names of pyrefcore.h. test_facts.py compares the outputs.
 *
 * This file lists the fields. header_facts.py reads the constants, functions and types from pyrefcore.h. It writes
 * them, with their types, to facts_names.inc. */

#include "facts_include.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define IS(expression_or_type, type) __builtin_types_compatible_p(__typeof__(expression_or_type), type)
#define KIND(x) \
    _Generic((x), char: "char", signed char: "int8", unsigned char: "uint8", short: "int16", \
        unsigned short: "uint16", int: "int32", unsigned: "uint32", long: "int64", unsigned long: "uint64", \
        long long: "longlong", unsigned long long: "ulonglong", default: "other")

#define FACT(name, ...) (printf("%s ", name), printf(__VA_ARGS__), printf("\n"))
/* A struct: size and alignment. A field: offset, size, and whether it has the type that pyrefcore.h gives it. */
#define STRUCT(type) FACT("sizeof." #type, "%zu %zu", sizeof(type), _Alignof(type))
#define PLACE(type, field) \
    FACT(#type "." #field, "%zu %zu", offsetof(type, field), sizeof(((type *)0)->field))
#define FIELD(type, field, is) \
    FACT(#type "." #field, "%zu %zu %d", offsetof(type, field), sizeof(((type *)0)->field), \
        IS(((type *)0)->field, is))
#define VALUE(name) FACT(#name, "%lld", (long long)(name))
/* Whether an expression has that type. */
#define EXPRESSION(type, ...) FACT(#__VA_ARGS__, "%d", IS(__VA_ARGS__, type))

/* The macros that facts_names.inc uses. */
#define CONSTANT(name) FACT(#name, "%#llx %s", (unsigned long long)(name), KIND(name))
#define UNDECLARED(name) FACT(#name, "undeclared")
#define FUNCTION(name, ...) FACT(#name "()", "%d", IS(name, __VA_ARGS__))
#define TYPE(name, ...) FACT(#name, "%d", IS(name, __VA_ARGS__))

static void image(const char *name, const void *object, size_t size)
{
    printf("%s", name);
    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, (const char *)object + i, sizeof word);
        printf(" %llx", (unsigned long long)word);
    }
    printf("\n");
}

static void objects(void)
{
    STRUCT(PyObject);
#if defined(Py_TRACE_REFS) && PY_MINOR_VERSION <= 12
    FIELD(PyObject, _ob_next, PyObject *);
    FIELD(PyObject, _ob_prev, PyObject *);
#endif
#ifdef Py_GIL_DISABLED
    FIELD(PyObject, ob_tid, uintptr_t);
#if PY_MINOR_VERSION >= 14
    FIELD(PyObject, ob_flags, uint16_t);
#else
    FIELD(PyObject, _padding, uint16_t);
#endif
    FIELD(PyObject, ob_mutex, PyMutex);
    FIELD(PyObject, ob_gc_bits, uint8_t);
    FIELD(PyObject, ob_ref_local, uint32_t);
    FIELD(PyObject, ob_ref_shared, Py_ssize_t);
    STRUCT(PyMutex);
    VALUE(_Py_REF_SHARED(5, _Py_REF_MERGED));
#elif PY_MINOR_VERSION >= 14
    FIELD(PyObject, ob_refcnt, uint32_t);
    FIELD(PyObject, ob_overflow, uint16_t);
    FIELD(PyObject, ob_flags, uint16_t);
#else
    FIELD(PyObject, ob_refcnt, Py_ssize_t);
#endif
    FIELD(PyObject, ob_type, PyTypeObject *);
    STRUCT(PyVarObject);
    FIELD(PyVarObject, ob_base, PyObject);
    FIELD(PyVarObject, ob_size, Py_ssize_t);
#if !defined(AGAINST_PYTHON_H) || defined(WITH_INTERNALS) || PY_MINOR_VERSION == 8
    STRUCT(PyGC_Head);
    FIELD(PyGC_Head, _gc_next, uintptr_t);
    FIELD(PyGC_Head, _gc_prev, uintptr_t);
#endif

    /* The initial words of a static object; its type is NULL here. */
    static PyObject plain = { .ob_type = (PyTypeObject *)1 }, *head = &plain;
    static struct { PyObject_HEAD void *end; } object = { PyObject_HEAD_INIT(NULL) NULL };
    static struct { PyObject_VAR_HEAD void *end; } variable = { PyVarObject_HEAD_INIT(NULL, 7) NULL };
    FACT("PyObject_HEAD", "%zu", sizeof object);
    FACT("PyObject_VAR_HEAD", "%zu", sizeof variable);
    image("PyObject_HEAD_INIT", &object, sizeof object);
    image("PyVarObject_HEAD_INIT", &variable, sizeof variable);

#if PY_MINOR_VERSION <= 12
    FACT("_PyObject_HEAD_EXTRA", "%zu", sizeof(struct { _PyObject_HEAD_EXTRA char end; }));
#endif
    void *links[] = { _PyObject_EXTRA_INIT NULL };
    FACT("_PyObject_EXTRA_INIT", "%zu", sizeof links);
    EXPRESSION(void, _PyObject_ASSERT(head, head == NULL));
    EXPRESSION(void, _PyObject_ASSERT_WITH_MSG(head, head == NULL, "message"));
    EXPRESSION(void, _PyObject_ASSERT_FROM(head, head == NULL, "message", "file", 1, "function"));
    EXPRESSION(void, _PyObject_ASSERT_FAILED_MSG(head, "message"));

    EXPRESSION(PyObject *, _PyObject_CAST(head));
#if PY_MINOR_VERSION == 9 || PY_MINOR_VERSION == 10
    EXPRESSION(const PyObject *, _PyObject_CAST_CONST(head));
#endif
#if PY_MINOR_VERSION == 10
    EXPRESSION(const PyVarObject *, _PyVarObject_CAST_CONST(head));
#endif
#if PY_MINOR_VERSION >= 11
    EXPRESSION(PyTypeObject *, _PyType_CAST(head));
#endif
    EXPRESSION(PyVarObject *, _PyVarObject_CAST(head));
    EXPRESSION(Py_ssize_t, Py_REFCNT(head));
    EXPRESSION(PyTypeObject *, Py_TYPE(head));
    EXPRESSION(Py_ssize_t, Py_SIZE(head));
#ifdef Py_REF_DEBUG
    EXPRESSION(Py_ssize_t, _Py_GetRefTotal());
#endif
    EXPRESSION(void, Py_INCREF(head));
    EXPRESSION(void, Py_XINCREF(head));
    EXPRESSION(void, Py_DECREF(head));
    EXPRESSION(void, Py_XDECREF(head));
#if PY_MINOR_VERSION == 9 || PY_MINOR_VERSION == 10
#ifndef __clang__
#pragma GCC diagnostic error "-Wdiscarded-qualifiers"
#endif
    EXPRESSION(int, Py_IS_TYPE((const PyObject *)head, (const PyTypeObject *)NULL));
#endif
#if PY_MINOR_VERSION == 8
    EXPRESSION(void, _Py_Dealloc_inline(head));
    EXPRESSION(void, _Py_ForgetReference(head));
#endif
#if PY_MINOR_VERSION >= 9
    EXPRESSION(int, Py_IS_TYPE(head, NULL));
    EXPRESSION(void, Py_SET_REFCNT(head, 1));
    EXPRESSION(void, Py_SET_TYPE(head, NULL));
    EXPRESSION(void, Py_SET_SIZE(head, 1));
#endif
#if PY_MINOR_VERSION >= 10
    EXPRESSION(PyObject *, Py_NewRef(head));
    EXPRESSION(PyObject *, Py_XNewRef(head));
    EXPRESSION(int, Py_Is(head, head));
#endif
}

static void types(void)
{
    STRUCT(PyTypeObject);
    FIELD(PyTypeObject, ob_base, PyVarObject);
    FIELD(PyTypeObject, tp_name, const char *);
    FIELD(PyTypeObject, tp_basicsize, Py_ssize_t);
    FIELD(PyTypeObject, tp_itemsize, Py_ssize_t);
    FIELD(PyTypeObject, tp_dealloc, destructor);
    FIELD(PyTypeObject, tp_vectorcall_offset, Py_ssize_t);
    FIELD(PyTypeObject, tp_getattr, getattrfunc);
    FIELD(PyTypeObject, tp_setattr, setattrfunc);
    PLACE(PyTypeObject, tp_as_async);
    FIELD(PyTypeObject, tp_repr, reprfunc);
    PLACE(PyTypeObject, tp_as_number);
    PLACE(PyTypeObject, tp_as_sequence);
    PLACE(PyTypeObject, tp_as_mapping);
    FIELD(PyTypeObject, tp_hash, hashfunc);
    FIELD(PyTypeObject, tp_call, ternaryfunc);
    FIELD(PyTypeObject, tp_str, reprfunc);
    FIELD(PyTypeObject, tp_getattro, getattrofunc);
    FIELD(PyTypeObject, tp_setattro, setattrofunc);
    PLACE(PyTypeObject, tp_as_buffer);
    FIELD(PyTypeObject, tp_flags, unsigned long);
    FIELD(PyTypeObject, tp_doc, const char *);
    FIELD(PyTypeObject, tp_traverse, traverseproc);
    FIELD(PyTypeObject, tp_clear, inquiry);
    FIELD(PyTypeObject, tp_richcompare, richcmpfunc);
    FIELD(PyTypeObject, tp_weaklistoffset, Py_ssize_t);
    FIELD(PyTypeObject, tp_iter, getiterfunc);
    FIELD(PyTypeObject, tp_iternext, iternextfunc);
    PLACE(PyTypeObject, tp_methods);
    PLACE(PyTypeObject, tp_members);
    PLACE(PyTypeObject, tp_getset);
    FIELD(PyTypeObject, tp_base, PyTypeObject *);
    FIELD(PyTypeObject, tp_dict, PyObject *);
    FIELD(PyTypeObject, tp_descr_get, descrgetfunc);
    FIELD(PyTypeObject, tp_descr_set, descrsetfunc);
    FIELD(PyTypeObject, tp_dictoffset, Py_ssize_t);
    FIELD(PyTypeObject, tp_init, initproc);
    FIELD(PyTypeObject, tp_alloc, allocfunc);
    FIELD(PyTypeObject, tp_new, newfunc);
    FIELD(PyTypeObject, tp_free, freefunc);
    FIELD(PyTypeObject, tp_is_gc, inquiry);
    FIELD(PyTypeObject, tp_bases, PyObject *);
    FIELD(PyTypeObject, tp_mro, PyObject *);
    FIELD(PyTypeObject, tp_cache, PyObject *);
    PLACE(PyTypeObject, tp_subclasses);
    FIELD(PyTypeObject, tp_weaklist, PyObject *);
    FIELD(PyTypeObject, tp_del, destructor);
    FIELD(PyTypeObject, tp_version_tag, unsigned int);
    FIELD(PyTypeObject, tp_finalize, destructor);
    FIELD(PyTypeObject, tp_vectorcall, vectorcallfunc);
#if PY_MINOR_VERSION == 8
    PLACE(PyTypeObject, tp_print);
#endif
#if PY_MINOR_VERSION >= 12
    FIELD(PyTypeObject, tp_watched, unsigned char);
#endif
#if PY_MINOR_VERSION >= 13
    FIELD(PyTypeObject, tp_versions_used, uint16_t);
    VALUE(PyRefTracer_CREATE);
    VALUE(PyRefTracer_DESTROY);
    FACT("sizeof.PyRefTracerEvent", "%zu", sizeof(PyRefTracerEvent));
#endif
#if PY_MINOR_VERSION >= 15
    PLACE(PyTypeObject, _tp_iteritem);
    VALUE(PyRefTracer_TRACKER_REMOVED);
#endif
}

static void names(void)
{
#if PY_MINOR_VERSION == 8 || (PY_MINOR_VERSION <= 11 && (!defined(AGAINST_PYTHON_H) || defined(WITH_INTERNALS)))
    typedef struct _PyTraceMalloc_Config Config;
    STRUCT(Config);
    PLACE(Config, initialized);
    FIELD(Config, tracing, int);
    FIELD(Config, max_nframe, int);
#if PY_MINOR_VERSION == 8
    FIELD(Config, use_domain, int);
#endif
    VALUE(TRACEMALLOC_INITIALIZED);
    VALUE(TRACEMALLOC_FINALIZED);
    EXPRESSION(Config, _Py_tracemalloc_config);
#endif
#include "facts_names.inc"
}

int main(void)
{
    VALUE(PY_MAJOR_VERSION);
    VALUE(PY_MINOR_VERSION);
    objects();
    types();
    names();
    return 0;
}
