/* One function for each inline operation, to count its instructions. inline_counts.py compiles it once against
 * pyrefcore.h and once, with -DAGAINST_PYTHON_H, against Python.h. */

#include "bench_objects.h"

void incref(PyObject *op);
void xincref(PyObject *op);
void decref(PyObject *op);
void xdecref(PyObject *op);
void clear(PyObject **place);
void setref(PyObject **place, PyObject *op);
void xsetref(PyObject **place, PyObject *op);
PyObject *newref(PyObject *op);
PyObject *xnewref(PyObject *op);
Py_ssize_t refcnt(PyObject *op);
void set_refcnt(PyObject *op, Py_ssize_t n);
PyTypeObject *type(PyObject *op);
void set_type(PyObject *op, PyTypeObject *to);
int is_type(PyObject *op, PyTypeObject *other);
Py_ssize_t size(PyObject *op);
void set_size(PyObject *op, Py_ssize_t n);

void incref(PyObject *op) { Py_INCREF(op); }
void xincref(PyObject *op) { Py_XINCREF(op); }
void decref(PyObject *op) { Py_DECREF(op); }
void xdecref(PyObject *op) { Py_XDECREF(op); }
void clear(PyObject **place) { Py_CLEAR(*place); }
void setref(PyObject **place, PyObject *op) { Py_SETREF(*place, op); }
void xsetref(PyObject **place, PyObject *op) { Py_XSETREF(*place, op); }
PyObject *newref(PyObject *op) { return Py_NewRef(op); }
PyObject *xnewref(PyObject *op) { return Py_XNewRef(op); }
Py_ssize_t refcnt(PyObject *op) { return Py_REFCNT(op); }
void set_refcnt(PyObject *op, Py_ssize_t n) { Py_SET_REFCNT(op, n); }
PyTypeObject *type(PyObject *op) { return Py_TYPE(op); }
void set_type(PyObject *op, PyTypeObject *to) { Py_SET_TYPE(op, to); }
int is_type(PyObject *op, PyTypeObject *other) { return Py_IS_TYPE(op, other); }
Py_ssize_t size(PyObject *op) { return Py_SIZE(op); }
void set_size(PyObject *op, Py_ssize_t n) { Py_SET_SIZE((PyVarObject *)op, n); }
