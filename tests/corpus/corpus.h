/* The corpus: typical mistakes with references, each beside its correct twin. cases.py says what must be found. */
#ifndef CORPUS_H
#define CORPUS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* NAME_wrong has the mistake, NAME_right does not, and nothing else differs. */
#define PAIR(name, flags) \
    { #name "_wrong", (PyCFunction)(void (*)(void))name##_wrong, flags, NULL }, \
    { #name "_right", (PyCFunction)(void (*)(void))name##_right, flags, NULL }

/* Makes both types ready and puts them into the module as NAME_wrong and NAME_right. */
int add_types(PyObject *module, const char *name, PyTypeObject *wrong, PyTypeObject *right);

int add_arguments(PyObject *module);
int add_boxes(PyObject *module);
int add_callbacks(PyObject *module);
int add_containers(PyObject *module);
int add_cycles(PyObject *module);
int add_errors(PyObject *module);
int add_items(PyObject *module);
int add_iteration(PyObject *module);
int add_modules(PyObject *module);
int add_run_time_types(PyObject *module);
int add_slots(PyObject *module);
int add_text(PyObject *module);
int add_weakrefs(PyObject *module);

#endif
