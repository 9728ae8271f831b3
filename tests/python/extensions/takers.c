/* Functions that leave one reference unpaired, each in its own way. Comments mark the lines that must be named. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
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

/* For ctypes. */
void
counted(void)
{
    Py_INCREF(Py_None);
    Py_DECREF(Py_None);
}

/* Runs code of Python. */
static PyObject *
call(PyObject *module, PyObject *arg)
{
    PyObject *result = PyObject_CallObject(arg, NULL);
    Py_XDECREF(result);
    return result == NULL ? NULL : PyLong_FromLong(5);
}

/* A module that blocks signals is not traced beside other threads. So these functions are not in every build. */
#ifdef SIGNALS
/* Blocks all signals meanwhile. */
static PyObject *
masked(PyObject *module, PyObject *arg)
{
    sigset_t all, before, after;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    Py_INCREF(arg); /* masked */
    sigprocmask(SIG_BLOCK, &all, &after);
    int is_told = sigismember(&after, SIGTRAP);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    sigprocmask(SIG_BLOCK, NULL, &after);
    return PyLong_FromLong(is_told && sigismember(&after, SIGTRAP) == sigismember(&before, SIGTRAP));
}

/* A handler that blocks all other signals. */
static PyObject *current;

static void
handler(int signal)
{
    Py_INCREF(current); /* handled */
}

static PyObject *
install(PyObject *module, PyObject *arg)
{
    struct sigaction action = {.sa_handler = handler};
    sigfillset(&action.sa_mask);
    return PyLong_FromLong(sigaction(SIGUSR1, &action, NULL));
}

static PyObject *
signalled(PyObject *module, PyObject *arg)
{
    current = arg;
    raise(SIGUSR1);
    return PyLong_FromLong(4);
}

/* Whether the handler still blocks SIGTRAP. */
static PyObject *
blocks_traps(PyObject *module, PyObject *arg)
{
    struct sigaction action;
    sigaction(SIGUSR1, NULL, &action);
    return PyLong_FromLong(sigismember(&action.sa_mask, SIGTRAP));
}

/* Handles SIGTRAP for a moment. */
static volatile sig_atomic_t trapped;

static void
on_trap(int signal)
{
    trapped++;
}

static PyObject *
take_traps(PyObject *module, PyObject *arg)
{
    struct sigaction action = {.sa_handler = on_trap}, before;
    trapped = 0;
    sigaction(SIGTRAP, &action, &before);
    raise(SIGTRAP);
    sigaction(SIGTRAP, &before, NULL);
    Py_INCREF(arg);
    return PyLong_FromLong(trapped + 2 * (before.sa_handler == SIG_DFL));
}

/* The places for the old set can't be written to. */
static const sigset_t constant_set;

static PyObject *
bad_places(PyObject *module, PyObject *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, NULL, &before);
    int first = pthread_sigmask(SIG_SETMASK, &all, (sigset_t *)8);
    int second = sigprocmask(SIG_SETMASK, &all, (sigset_t *)&constant_set), error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    Py_INCREF(arg); /* bad_places */
    return PyLong_FromLong(first == EFAULT && second == -1 && error == EFAULT);
}
#endif

#ifdef __x86_64__
/* A constant between instructions, which looks like two instructions that count. */
__asm__(".text\n"
        ".type constant, @function\n"
        "constant:\n"
        ".cfi_startproc\n"
        "    mov .Lnumber(%rip), %rax\n"
        "    ret\n"
        ".Lnumber:\n"
        "    .byte 0x48, 0x83, 0, 1, 0x48, 0x83, 3, 1\n"
        ".cfi_endproc\n"
        ".size constant, .-constant\n");
extern unsigned long long constant(void) __attribute__((visibility("hidden")));

static PyObject *
number(PyObject *module, PyObject *arg)
{
    unsigned long long found = constant();
    Py_INCREF(arg); /* number */
    return PyLong_FromLong(found == 0x0103834801008348);
}
#endif

static PyMethodDef methods[] = {
#ifdef __x86_64__
    {"number", number, METH_O, NULL},
#endif
#ifdef SIGNALS
    {"masked", masked, METH_O, NULL},
    {"bad_places", bad_places, METH_O, NULL},
    {"install", install, METH_NOARGS, NULL},
    {"signalled", signalled, METH_O, NULL},
    {"blocks_traps", blocks_traps, METH_NOARGS, NULL},
    {"take_traps", take_traps, METH_O, NULL},
#endif
    {"call", call, METH_O, NULL},
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
