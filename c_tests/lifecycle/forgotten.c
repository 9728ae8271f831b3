/* A tour: a program makes, shares and drops objects of its own types, and forgets one reference. Then it
 * asks pyrefcore which objects are still alive and where they were born.
 *
 *   cc -g forgotten.c $(pkg-config --cflags --libs pyrefcore)
 *
 * The tour is also a test: the exit status is 0 if pyrefcore found the forgotten object and no other. */
#include <pyrefcore.h>
#include <stdlib.h>

/* A document is a tree: each node knows its first child and its next sibling. */
typedef struct {
    PyObject_HEAD
    char text[40];
    PyObject *child, *next;
} Node;

typedef struct {
    PyObject_HEAD
    const char *title;
    PyObject *root;
} Document;

static int died;

static void Node_dealloc(PyObject *op)
{
    Node *node = (Node *)op;
    Py_CLEAR(node->child);
    Py_CLEAR(node->next);
    died++;
    PyObject_Free(node);
}

static void Document_dealloc(PyObject *op)
{
    Py_CLEAR(((Document *)op)->root);
    died++;
    PyObject_Free(op);
}

static PyTypeObject Node_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "Node",
    .tp_basicsize = sizeof(Node),
    .tp_dealloc = Node_dealloc,
};

static PyTypeObject Document_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "Document",
    .tp_basicsize = sizeof(Document),
    .tp_dealloc = Document_dealloc,
};

/* Returns a new reference. */
static Node *new_node(const char *text)
{
    Node *node = PyObject_New(Node, &Node_Type);
    snprintf(node->text, sizeof node->text, "%s", text);
    return node;
}

/* Steals the reference to `node`. */
static void add_node(Document *document, Node *node)
{
    Node *root = (Node *)document->root;
    PyObject **place = &root->child;
    while (*place != NULL) {
        place = &((Node *)*place)->next;
    }
    *place = (PyObject *)node;
}

/* Returns a new reference to a document of `n` chapters. */
static Document *new_document(const char *title, int n)
{
    char text[40];
    Document *document = PyObject_New(Document, &Document_Type);
    document->title = title;
    document->root = (PyObject *)new_node(title);
    for (int i = 1; i <= n; i++) {
        snprintf(text, sizeof text, "%s, chapter %d", title, i);
        add_node(document, new_node(text));
    }
    return document;
}

/* Returns a new reference to a node that belongs to no document. */
static Node *new_excerpt(Document *document)
{
    char text[40];
    snprintf(text, sizeof text, "from \"%s\"", document->title);
    return new_node(text);
}

/* Prints the document's last chapter, if it has one. */
static void print_excerpt(Document *document)
{
    Node *excerpt = new_excerpt(document), *last = (Node *)((Node *)document->root)->child;
    if (last == NULL) {
        return; /* Here the excerpt is forgotten. */
    }
    while (last->next != NULL) {
        last = (Node *)last->next;
    }
    printf("    %s: %s\n", excerpt->text, last->text);
    Py_DECREF(excerpt);
}

typedef struct {
    int objects, as_planted;
} Found;

static int print_type(const char *name, size_t objects, void *arg)
{
    (void)arg;
    printf("    %zu %s\n", objects, name);
    return 0;
}

static int print_frame(const pyrefcore_frame *frame, void *arg)
{
    const char *slash = frame->file != NULL ? strrchr(frame->file, '/') : NULL;
    const char *function = frame->function != NULL ? frame->function : "?";
    const char *file = slash != NULL ? slash + 1 : frame->file != NULL ? frame->file : "?";
    *(int *)arg |= strcmp(function, "print_excerpt") == 0;
    printf("      %-14s %s:%u\n", function, file, frame->line);
    return strcmp(function, "main") == 0;
}

static int print_object(PyObject *op, void *arg)
{
    Found *found = arg;
    found->objects++;
    int by_print_excerpt = 0;
    printf("\n  A %s with a count of %td", Py_TYPE(op)->tp_name, Py_REFCNT(op));
    if (Py_TYPE(op) == &Node_Type) {
        printf(", '%s'", ((Node *)op)->text);
    }
    puts(", was born at:");
    pyrefcore_birth_stack(op, print_frame, &by_print_excerpt);
    found->as_planted += by_print_excerpt && Py_TYPE(op) == &Node_Type && Py_REFCNT(op) == 1;
    return 0;
}

int main(void)
{
    pyrefcore_watch(PYREFCORE_LIVE | PYREFCORE_TRACE);
    uint64_t mark = pyrefcore_mark();
    printf("A C program without Python, linked with pyrefcore (it counts like %s).\n\n", pyrefcore_flavour());

    Document *birds = new_document("Birds", 3), *fish = new_document("Fish", 4);
    Document *draft = new_document("Draft", 0);
    printf("Made: %td objects, in 3 documents.\n", pyrefcore_live_count(mark));

    Node *appendix = new_node("Glossary");
    add_node(birds, appendix);
    add_node(fish, (Node *)Py_NewRef(appendix));
    printf("Shared: '%s' has %td references, from 2 documents.\n", appendix->text, Py_REFCNT(appendix));

    puts("Used, by making an excerpt of each, which is an object too:");
    print_excerpt(birds);
    print_excerpt(fish);
    print_excerpt(draft);

    Py_DECREF(birds);
    Py_DECREF(fish);
    Py_DECREF(draft);
    printf("Dropped: all documents; %d objects died.\n\n", died);

    puts("Born since the beginning and still alive:");
    Found found = { 0, 0 };
    pyrefcore_live_types(mark, print_type, NULL);
    pyrefcore_live_visit(mark, print_object, &found);
    int right = found.objects == 1 && found.as_planted == 1;
    puts(right ? "\nSo print_excerpt forgot to release what it made: its early return has no Py_DECREF."
               : "\nThat is not what this program forgot: pyrefcore is wrong.");
    return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
