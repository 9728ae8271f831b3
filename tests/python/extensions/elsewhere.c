/* Replaces the allocator of the raw domain, as free-threaded builds do from 3.15 on. */

#include <Python.h>
#include <stdlib.h>

#include "elsewhere.h"

static PyMemAllocatorEx before;

static void *raw_malloc(void *ctx, size_t bytes) { return take(bytes); }
static void *raw_calloc(void *ctx, size_t count, size_t bytes) { return take(count * bytes); }

static void *raw_realloc(void *ctx, void *block, size_t bytes) {
    return block && !is_elsewhere(block) ? before.realloc(before.ctx, block, bytes) : copy(block, bytes);
}

static void raw_free(void *ctx, void *block) {
    if (block && !is_elsewhere(block)) before.free(before.ctx, block);
}

static PyObject *replace(PyObject *self, PyObject *none) {
    PyMemAllocatorEx own = {NULL, raw_malloc, raw_calloc, raw_realloc, raw_free};
    PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &before);
    PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &own);
    Py_RETURN_NONE;
}

static PyObject *by_malloc(PyObject *self, PyObject *none) {
    void *volatile leaked = malloc(100);
    (void)leaked;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"replace", replace, METH_NOARGS}, {"by_malloc", by_malloc, METH_NOARGS}, {NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "elsewhere", NULL, -1, methods};
PyMODINIT_FUNC PyInit_elsewhere(void) { return PyModule_Create(&definition); }
