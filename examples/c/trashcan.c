/* A container with a trashcan: a chain of a million objects dies without a million nested calls.
 *
 * Each link holds the next one, so each death releases the next link. Without the trashcan every `link_dealloc` would
 * run inside the one before, and the C stack would overflow. From 3.14 on `_Py_Dealloc` does this for every container,
 * and the two macros are empty.
 *
 * Expected output:
 *
 *     1000000 links were born
 *     1000000 links died
 */
#include <pyrefcore.h>

typedef struct {
    PyObject_HEAD
    PyObject *next;
} Link;

static int link_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(((Link *)op)->next);
    return 0;
}

static void link_dealloc(PyObject *op)
{
    PyObject_GC_UnTrack(op); /* First: a container that is put aside must not be tracked. */
    Py_TRASHCAN_BEGIN(op, link_dealloc)
    Py_CLEAR(((Link *)op)->next);
    PyObject_GC_Del(op);
    Py_TRASHCAN_END
}

static PyTypeObject Link_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "Link",
    .tp_basicsize = sizeof(Link),
    .tp_flags = Py_TPFLAGS_HAVE_GC,
    .tp_traverse = link_traverse,
    .tp_dealloc = link_dealloc,
};

int main(void)
{
    PyObject *chain = NULL;
    pyrefcore_watch(PYREFCORE_COUNT);
    for (int i = 0; i < 1000000; i++) {
        Link *link = PyObject_GC_New(Link, &Link_Type);
        link->next = chain;
        PyObject_GC_Track(link);
        chain = (PyObject *)link;
    }
    printf("%d links were born\n", (int)pyrefcore_births());
    Py_DECREF(chain);
    printf("%d links died\n", (int)pyrefcore_deaths());
    return 0;
}
