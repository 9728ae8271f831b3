/* The header that facts.c speaks about; facts.sh preprocesses this file alone, to see which names it declares. */
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
/* What pyrefcore.h can't name and calls void. */
#define OPAQUE(type) type
#else
#include <pyrefcore.h>
#define OPAQUE(type) void
#endif
