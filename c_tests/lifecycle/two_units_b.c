/* The other unit: it keeps a reference to the object that it gets, and defines a second type. */
#include <pyrefcore.h>
#include <pyrefcore.h>

typedef void (*counter)(PyObject *);
PyObject *other_unit_keeps(PyObject *op);
Py_ssize_t other_unit_counts(PyObject *op);
int other_unit_drops(void);
PyTypeObject *other_unit_type(void);
counter other_unit_incref(void);

static PyObject *kept;
static void end(PyObject *op) { PyObject_Free(op); }
static PyTypeObject Other_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "Other",
    .tp_basicsize = sizeof(PyObject),
    .tp_dealloc = end,
};

PyObject *other_unit_keeps(PyObject *op)
{
    Py_XSETREF(kept, Py_NewRef(op));
    return kept;
}
Py_ssize_t other_unit_counts(PyObject *op) { return Py_REFCNT(op); }
int other_unit_drops(void)
{
    Py_CLEAR(kept);
    return kept == NULL;
}
PyTypeObject *other_unit_type(void) { return &Other_Type; }
counter other_unit_incref(void) { return Py_IncRef; }
#ifdef Py_REF_DEBUG
Py_ssize_t *other_unit_total(void);
Py_ssize_t *other_unit_total(void) { return &_Py_RefTotal; }
#endif
