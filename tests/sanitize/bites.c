/* Faults made on purpose: the first argument names one. Each fault except the overflow shows in the library's code, so
 * a tool finds it only if the library is instrumented too. */
#include "testing.h"
#include "things.h"
#include <pthread.h>

static PyTypeObject *type;
static PyObject *op;

/* The program writes the type's size while the library reads it, without synchronisation. */
static void *write_size(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        type->tp_basicsize = sizeof(Thing) + 16 * (i % 2);
    }
    return arg;
}
static void *read_size(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        Py_DECREF(PyObject_New(Thing, type));
    }
    return arg;
}
static void race(void)
{
    pthread_t ids[2];
    assert(pthread_create(&ids[0], NULL, write_size, NULL) == 0 && pthread_create(&ids[1], NULL, read_size, NULL) == 0);
    pthread_join(ids[0], NULL);
    pthread_join(ids[1], NULL);
}

/* The library reads a type that is freed. */
static void after_free(void)
{
    free(type);
    op = PyObject_New(PyObject, type);
}

static void finalize(PyObject *self)
{
    (void)self;
}

/* The library reads uninitialised tp_flags. */
static void uninitialised(void)
{
    char *volatile flags = malloc(sizeof type->tp_flags);
    op = PyObject_New(PyObject, type);
    type->tp_finalize = finalize;
    memcpy(&type->tp_flags, flags, sizeof type->tp_flags);
    PyObject_CallFinalizer(op);
}

static void leak(void)
{
    op = (PyObject *)new_thing(1);
#ifdef Py_TRACE_REFS
    /* The list of all objects must not hold a pointer to the object. From 3.13 on the list is a table, which keeps the
     * pointers of removed objects until it grows. */
    _Py_ForgetReference(op);
    for (int i = 0; i < 100; i++) {
        new_thing(i);
    }
#endif
    op = NULL;
}

static void overflow(void)
{
    volatile int number = 0x7FFFFFFF;
    number++;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*make)(void); } faults[] = {
        { "race", race }, { "after-free", after_free }, { "uninitialised", uninitialised }, { "leak", leak },
        { "overflow", overflow },
    };
    assert(argc == 2 && (type = malloc(sizeof *type)) != NULL);
    memcpy(type, &Thing_Type, sizeof *type);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (strcmp(argv[1], faults[i].name) == 0) {
            faults[i].make();
        }
    }
    return 0;
}
