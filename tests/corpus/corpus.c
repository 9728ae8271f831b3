/* The extension module `corpus`: the functions of the other files. */
#include "corpus.h"

int
add_types(PyObject *module, const char *name, PyTypeObject *wrong, PyTypeObject *right)
{
    char both[2][64];
    PyTypeObject *types[2] = {wrong, right};

    PyOS_snprintf(both[0], sizeof(both[0]), "%s_wrong", name);
    PyOS_snprintf(both[1], sizeof(both[1]), "%s_right", name);
    for (int i = 0; i < 2; i++) {
        if (PyType_Ready(types[i]) < 0 ||
            PyObject_SetAttrString(module, both[i], (PyObject *)types[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Takes references that no tp_traverse shows. */
static PyObject *
hold(PyObject *self, PyObject *args)
{
    PyObject *object;
    Py_ssize_t times;
    if (!PyArg_ParseTuple(args, "On", &object, &times)) {
        return NULL;
    }
    while (times-- > 0) {
        Py_INCREF(object);
    }
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"hold", hold, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int
corpus_exec(PyObject *module)
{
    int (*const themes[])(PyObject *) = {
        add_arguments, add_boxes,     add_callbacks, add_containers,     add_cycles, add_errors,
        add_items,     add_iteration, add_modules,   add_run_time_types, add_slots,  add_text,
        add_weakrefs,
    };

    for (size_t i = 0; i < sizeof(themes) / sizeof(themes[0]); i++) {
        if (themes[i](module) < 0) {
            return -1;
        }
    }
    return PyModule_AddFunctions(module, functions);
}

static PyModuleDef_Slot corpus_slots[] = {
    {Py_mod_exec, corpus_exec},
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef corpus_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "corpus",
    .m_slots = corpus_slots,
};

PyMODINIT_FUNC
PyInit_corpus(void)
{
    return PyModuleDef_Init(&corpus_module);
}
