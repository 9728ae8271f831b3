/* Functions that leave one reference unpaired, each in its own way. Comments mark the lines that must be named. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    PyObject_HEAD
    PyObject *item;
} Keeper;

static int
keeper_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return PyArg_ParseTuple(args, "O", &((Keeper *)self)->item) ? (Py_INCREF(((Keeper *)self)->item), 0) : -1;
}

static void
keeper_dealloc(PyObject *self)
{ /* forgot */
    Py_TYPE(self)->tp_free(self);
}

static PyTypeObject Keeper_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "takers.Keeper",
    .tp_basicsize = sizeof(Keeper),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = keeper_init,
    .tp_dealloc = keeper_dealloc,
};

static PyObject *
take(PyObject *module, PyObject *arg)
{
    Py_INCREF(arg); /* took */
    return PyLong_FromLong(1);
}

/* Counts correctly. */
static PyObject *
borrow(PyObject *module, PyObject *arg)
{
    Py_INCREF(arg);
    PyObject *text = PyObject_Repr(arg);
    Py_DECREF(arg);
    return text;
}

static PyObject *
make(PyObject *module, PyObject *arg)
{
    PyObject *list = PySequence_List(arg); /* made */
    return list == NULL ? NULL : PyLong_FromSsize_t(PyList_GET_SIZE(list));
}

static PyObject *
release(PyObject *module, PyObject *arg)
{
    PyObject *item = PyList_GetItem(arg, 0);
    if (item == NULL) {
        return NULL;
    }
    PyObject *text = PyObject_Repr(item);
    Py_DECREF(item); /* released */
    return text;
}

static PyObject *
take_too(PyObject *module, PyObject *arg)
{
    Py_INCREF(arg);
    return PyLong_FromLong(2);
}

/* Leaves C frames without their ends. */
static jmp_buf back;

static void
leap(PyObject *arg)
{
    if (PyObject_IsTrue(arg)) {
        longjmp(back, 1);
    }
}

static PyObject *
jump(PyObject *module, PyObject *arg)
{
    if (!setjmp(back)) {
        leap(arg);
    }
    Py_INCREF(arg); /* jumped */
    return PyLong_FromLong(3);
}

/* A child process runs the same code in mid-run, and says whether it works. */
static PyObject *
split(PyObject *module, PyObject *arg)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        PyObject *text = borrow(module, arg);
        _exit(text == NULL);
    }
    int status = 1;
    waitpid(child, &status, 0);
    Py_INCREF(arg); /* split */
    return PyLong_FromLong(status);
}

static PyMethodDef methods[] = {
    {"take", take, METH_O, NULL},
    {"borrow", borrow, METH_O, NULL},
    {"make", make, METH_O, NULL},
    {"release", release, METH_O, NULL},
    {"take_too", take_too, METH_O, NULL},
    {"jump", jump, METH_O, NULL},
    {"split", split, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "takers", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_takers(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && PyType_Ready(&Keeper_Type) == 0) {
        Py_INCREF(&Keeper_Type);
        PyModule_AddObject(module, "Keeper", (PyObject *)&Keeper_Type);
    }
    return module;
}
