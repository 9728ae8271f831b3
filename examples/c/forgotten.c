/* Finds a forgotten reference in a program that has no Python: which object is alive, and where it was born.
 *
 * Expected output:
 *
 *     alive: a Node, with a count of 1
 *       born in new_node, forgotten.c:31
 *       born in copy, forgotten.c:36
 *       born in main, forgotten.c:56
 */
#include <pyrefcore.h>

typedef struct {
    PyObject_HEAD
    PyObject *next;
} Node;

static void node_dealloc(PyObject *op)
{
    Py_XDECREF(((Node *)op)->next);
    PyObject_Free(op);
}

static PyTypeObject Node_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "Node", .tp_basicsize = sizeof(Node), .tp_dealloc = node_dealloc,
};

/* Returns a new reference, and takes over the reference to `next`. */
static Node *new_node(PyObject *next)
{
    Node *node = PyObject_New(Node, &Node_Type);
    node->next = next;
    return node;
}

static Node *copy(Node *node) { return new_node(Py_XNewRef(node->next)); }

/* Called with the innermost frame first. A result other than zero stops the calls. */
static int show_frame(const pyrefcore_frame *frame, void *arg)
{
    (void)arg;
    printf("  born in %s, %s:%u\n", frame->function, strrchr(frame->file, '/') + 1, frame->line);
    return strcmp(frame->function, "main") == 0;
}

static int show(PyObject *op, void *arg)
{
    printf("alive: a %s, with a count of %td\n", Py_TYPE(op)->tp_name, Py_REFCNT(op));
    return pyrefcore_birth_stack(op, show_frame, arg) < 0;
}

int main(void)
{
    pyrefcore_watch(PYREFCORE_LIVE | PYREFCORE_TRACE);
    Node *node = new_node(NULL);
    copy(node); /* Nothing releases this copy. */
    Py_DECREF(node);
    return pyrefcore_live_visit(0, show, NULL);
}
