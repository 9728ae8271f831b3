/* The header that facts.c describes. header_facts.py also preprocesses this file alone, to find the declared names. */
#ifdef AGAINST_PYTHON_H
#ifdef WITH_INTERNALS
#define Py_BUILD_CORE 1
#endif
#include <Python.h>
#ifdef WITH_INTERNALS
#include "internal/pycore_gc.h"
#include "internal/pycore_object.h"
#include "internal/pycore_pymem.h"
#endif
/* A type that has no name in pyrefcore.h, which uses void. */
#define OPAQUE(type) type
#else
#include <pyrefcore.h>
#define OPAQUE(type) void
#endif
