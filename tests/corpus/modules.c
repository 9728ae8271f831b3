/* Modules, imports, and borrowed references to the interpreter's dictionaries. */
#include "corpus.h"

/* PyModule_AddObject steals only if it succeeds. */
static PyObject *
publish_wrong(PyObject *self, PyObject *arg)
{
    PyObject *value = PyUnicode_FromString("a published value");
    if (value == NULL || PyModule_AddObject(arg, "value", value) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
publish_right(PyObject *self, PyObject *arg)
{
    PyObject *value = PyUnicode_FromString("a published value");
    if (value == NULL || PyModule_AddObject(arg, "value", value) < 0) {
        Py_XDECREF(value);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* PyModule_AddObject succeeds and steals one reference; the extra one leaks. */
static PyObject *
set_limits_wrong(PyObject *self, PyObject *arg)
{
    PyObject *limits = PyList_New(0);
    if (limits == NULL) {
        return NULL;
    }
    Py_INCREF(limits);
    if (PyModule_AddObject(arg, "limits", limits) < 0) {
        Py_DECREF(limits);
        Py_DECREF(limits);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
set_limits_right(PyObject *self, PyObject *arg)
{
    PyObject *limits = PyList_New(0);
    if (limits == NULL) {
        return NULL;
    }
    if (PyModule_AddObject(arg, "limits", limits) < 0) {
        Py_DECREF(limits);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* PyModule_AddObjectRef (3.10) does not steal. */
#if PY_VERSION_HEX >= 0x030A0000
static PyObject *
set_name_wrong(PyObject *self, PyObject *arg)
{
    if (PyModule_AddObjectRef(arg, "name", PyUnicode_FromString("a name of its own")) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
set_name_right(PyObject *self, PyObject *arg)
{
    PyObject *name = PyUnicode_FromString("a name of its own");
    int failed = PyModule_AddObjectRef(arg, "name", name);
    Py_XDECREF(name);
    if (failed < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}
#endif

/* PyModule_GetDict returns a borrowed reference. */
static PyObject *
names_wrong(PyObject *self, PyObject *arg)
{
    PyObject *dict = PyModule_GetDict(arg);
    if (dict == NULL) {
        return NULL;
    }
    PyObject *result = PyDict_Keys(dict);
    Py_DECREF(dict);
    return result;
}

static PyObject *
names_right(PyObject *self, PyObject *arg)
{
    PyObject *dict = PyModule_GetDict(arg);
    if (dict == NULL) {
        return NULL;
    }
    return PyDict_Keys(dict);
}

/* The function is released, but the module is not. */
static PyObject *
root_wrong(PyObject *self, PyObject *arg)
{
    PyObject *math = PyImport_ImportModule("math");
    if (math == NULL) {
        return NULL;
    }
    return PyObject_CallMethod(math, "sqrt", "O", arg);
}

static PyObject *
root_right(PyObject *self, PyObject *arg)
{
    PyObject *math = PyImport_ImportModule("math");
    if (math == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_CallMethod(math, "sqrt", "O", arg);
    Py_DECREF(math);
    return result;
}

/* The module is released, but the function is not. */
static PyObject *
logarithm_wrong(PyObject *self, PyObject *arg)
{
    PyObject *math = PyImport_ImportModule("math");
    if (math == NULL) {
        return NULL;
    }
    PyObject *log = PyObject_GetAttrString(math, "log2");
    Py_DECREF(math);
    if (log == NULL) {
        return NULL;
    }
    return PyObject_CallFunctionObjArgs(log, arg, NULL);
}

static PyObject *
logarithm_right(PyObject *self, PyObject *arg)
{
    PyObject *math = PyImport_ImportModule("math");
    if (math == NULL) {
        return NULL;
    }
    PyObject *log = PyObject_GetAttrString(math, "log2");
    Py_DECREF(math);
    if (log == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_CallFunctionObjArgs(log, arg, NULL);
    Py_DECREF(log);
    return result;
}

/* PyImport_AddModule returns a borrowed reference, unlike PyImport_ImportModule. */
static PyObject *
ensure_wrong(PyObject *self, PyObject *arg)
{
    const char *name = PyUnicode_AsUTF8(arg);
    PyObject *module = name == NULL ? NULL : PyImport_AddModule(name);
    if (module == NULL) {
        return NULL;
    }
    int failed = PyObject_SetAttrString(module, "ensured", Py_True);
    Py_DECREF(module);
    if (failed < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
ensure_right(PyObject *self, PyObject *arg)
{
    const char *name = PyUnicode_AsUTF8(arg);
    PyObject *module = name == NULL ? NULL : PyImport_AddModule(name);
    if (module == NULL) {
        return NULL;
    }
    if (PyObject_SetAttrString(module, "ensured", Py_True) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* PyImport_GetModuleDict returns a borrowed reference to sys.modules. */
static PyObject *
loaded_wrong(PyObject *self, PyObject *arg)
{
    PyObject *modules = PyImport_GetModuleDict();
    int found = PyDict_Contains(modules, arg);
    Py_DECREF(modules);
    return found < 0 ? NULL : PyBool_FromLong(found);
}

static PyObject *
loaded_right(PyObject *self, PyObject *arg)
{
    int found = PyDict_Contains(PyImport_GetModuleDict(), arg);
    return found < 0 ? NULL : PyBool_FromLong(found);
}

/* PySys_GetObject returns a borrowed reference. */
static PyObject *
hook_wrong(PyObject *self, PyObject *unused)
{
    PyObject *hook = PySys_GetObject("corpus_hook");
    if (hook == NULL) {
        Py_RETURN_NONE;
    }
    PyObject *result = PyObject_Repr(hook);
    Py_DECREF(hook);
    return result;
}

static PyObject *
hook_right(PyObject *self, PyObject *unused)
{
    PyObject *hook = PySys_GetObject("corpus_hook");
    if (hook == NULL) {
        Py_RETURN_NONE;
    }
    return PyObject_Repr(hook);
}

/* PyThreadState_GetDict returns a borrowed reference; a function must return a new one. */
static PyObject *
thread_dict_wrong(PyObject *self, PyObject *unused)
{
    return PyThreadState_GetDict();
}

static PyObject *
thread_dict_right(PyObject *self, PyObject *unused)
{
    PyObject *dict = PyThreadState_GetDict();
    Py_XINCREF(dict);
    return dict;
}

/* A module's state holds a reference; the wrong module has no m_free to release it. */
typedef struct {
    PyObject *registry;
} session_state;

static int
session_traverse(PyObject *module, visitproc visit, void *arg)
{
    session_state *state = PyModule_GetState(module);
    if (state != NULL) {
        Py_VISIT(state->registry);
    }
    return 0;
}

static void
session_free(void *module)
{
    session_state *state = PyModule_GetState(module);
    if (state != NULL) {
        Py_CLEAR(state->registry);
    }
}

static PyModuleDef session_wrong_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "session",
    .m_size = sizeof(session_state),
    .m_traverse = session_traverse,
};

static PyModuleDef session_right_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "session",
    .m_size = sizeof(session_state),
    .m_traverse = session_traverse,
    .m_free = session_free,
};

static PyObject *
new_session(PyModuleDef *definition)
{
    PyObject *module = PyModule_Create(definition);
    if (module == NULL) {
        return NULL;
    }
    session_state *state = PyModule_GetState(module);
    state->registry = PyDict_New();
    if (state->registry == NULL) {
        Py_CLEAR(module);
    }
    return module;
}

static PyObject *
session_wrong(PyObject *self, PyObject *unused)
{
    return new_session(&session_wrong_module);
}

static PyObject *
session_right(PyObject *self, PyObject *unused)
{
    return new_session(&session_right_module);
}

static PyMethodDef functions[] = {
    PAIR(publish, METH_O),
    PAIR(set_limits, METH_O),
#if PY_VERSION_HEX >= 0x030A0000
    PAIR(set_name, METH_O),
#endif
    PAIR(names, METH_O),
    PAIR(root, METH_O),
    PAIR(logarithm, METH_O),
    PAIR(ensure, METH_O),
    PAIR(loaded, METH_O),
    PAIR(hook, METH_NOARGS),
    PAIR(thread_dict, METH_NOARGS),
    PAIR(session, METH_NOARGS),
    {NULL, NULL, 0, NULL},
};

int
add_modules(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
