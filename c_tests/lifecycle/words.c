/* How counts change: every counting function and macro, on every critical word, by the rules of the version. */
#include "testing.h"
#include "things.h"

/* A count: one word. Free-threaded: the owner's id, the owner's word and the shared word. */
#ifdef Py_GIL_DISABLED
enum { NO_OWNER = 0, ME = 1, GONE = 8 }; /* GONE: a thread that has ended. */
typedef struct { uintptr_t tid; uint64_t local, shared; } Count;
#define ONE { ME, 1, 0 }
#else
typedef uint64_t Count;
#define ONE 1
#endif

/* A count before each call and after it. `dies`: the release calls tp_dealloc. With Py_REF_DEBUG, `plus`
 * is the total's gain, `minus` is its loss, and `over` marks a release that ends the process. */
typedef struct {
    Count before, more, less, seven;
    int dies, over, plus, minus;
} Word;

#define S(word) word, word, word
static const Word words[] = {
#ifdef Py_GIL_DISABLED
    { { ME, 0, 0 }, { ME, 1, 0 }, { ME, 0xFFFFFFFF, 0 }, { ME, 7, 0 }, 0, 1, 1, 1 },
    { { ME, 1, 0 }, { ME, 2, 0 }, { ME, 0, 0 }, { ME, 7, 0 }, 1, 0, 1, 1 },
    { { ME, 2, 0 }, { ME, 3, 0 }, { ME, 1, 0 }, { ME, 7, 0 }, 0, 0, 1, 1 },
    /* One more reference makes the object immortal. 3.14 and later see that before they add to the total. */
    { { ME, 0xFFFFFFFE, 0 }, { ME, 0xFFFFFFFF, 0 }, { ME, 0xFFFFFFFD, 0 }, { ME, 7, 0 }, 0, 0, PY_VERSION_HEX < 0x030E0000, 1 },
    { { ME, 0xFFFFFFFF, 0 }, { ME, 0xFFFFFFFF, 0 }, { ME, 0xFFFFFFFF, 0 }, { ME, 0xFFFFFFFF, 0 }, 0, 0, 0, 0 },
    { { NO_OWNER, 0xFFFFFFFF, 0 }, { NO_OWNER, 0xFFFFFFFF, 0 }, { NO_OWNER, 0xFFFFFFFF, 0 }, { NO_OWNER, 0xFFFFFFFF, 0 }, 0, 0, 0, 0 },
    /* The release of the owner's last reference merges, with any flags. */
    { { ME, 1, 1 }, { ME, 2, 1 }, { NO_OWNER, 0, 3 }, { ME, 7, 1 }, 1, 0, 1, 1 },
    { { ME, 1, 2 }, { ME, 2, 2 }, { NO_OWNER, 0, 3 }, { ME, 7, 2 }, 1, 0, 1, 1 },
    { { ME, 1, 0xD }, { ME, 2, 0xD }, { NO_OWNER, 0, 0xF }, { ME, 7, 1 }, 0, 0, 1, 1 },
    { { ME, 1, 0x10 }, { ME, 2, 0x10 }, { NO_OWNER, 0, 0x13 }, { ME, 7, 0 }, 0, 0, 1, 1 },
    { { ME, 2, 0xD }, { ME, 3, 0xD }, { ME, 1, 0xD }, { ME, 7, 1 }, 0, 0, 1, 1 },
    /* Merged. */
    { { NO_OWNER, 0, 0xB }, { NO_OWNER, 0, 0xF }, { NO_OWNER, 0, 7 }, { NO_OWNER, 0, 0x1F }, 0, 0, 1, 1 },
    { { NO_OWNER, 0, 7 }, { NO_OWNER, 0, 0xB }, { NO_OWNER, 0, 3 }, { NO_OWNER, 0, 0x1F }, 1, 0, 1, 1 },
    { { NO_OWNER, 0, 3 }, { NO_OWNER, 0, 7 }, { NO_OWNER, 0, -1ULL }, { NO_OWNER, 0, 0x1F }, 0, 1, 1, 1 },
    /* Another thread owns the object: the shared word changes. The count of a queued object may go below zero. */
    { { GONE, 0, 4 }, { GONE, 0, 8 }, { GONE, 0, 0 }, { NO_OWNER, 0, 0x1F }, 0, 0, 1, 1 },
    { { GONE, 1, 4 }, { GONE, 1, 8 }, { GONE, 1, 0 }, { NO_OWNER, 0, 0x1F }, 0, 0, 1, 1 },
    { { GONE, 1, 5 }, { GONE, 1, 9 }, { GONE, 1, 1 }, { NO_OWNER, 0, 0x1F }, 0, 0, 1, 1 },
    { { GONE, 1, 6 }, { GONE, 1, 0xA }, { GONE, 1, 2 }, { NO_OWNER, 0, 0x1F }, 0, 0, 1, 1 },
    { { GONE, 2, 2 }, { GONE, 2, 6 }, { GONE, 2, -2ULL }, { NO_OWNER, 0, 0x1F }, 0, 0, 1, 1 },
    { { GONE, 2, -4ULL }, { GONE, 2, 0 }, { GONE, 2, -8ULL }, { NO_OWNER, 0, 0x1F }, 0, 0, 1, 1 },
    /* The shared count is 0, so the owner must merge. The owner has ended, so the releasing thread merges. */
    { { GONE, 1, 0 }, { GONE, 1, 4 }, { NO_OWNER, 0, 3 }, { NO_OWNER, 0, 0x1F }, 1, 0, 1, 1 },
    { { GONE, 1, 1 }, { GONE, 1, 5 }, { NO_OWNER, 0, 3 }, { NO_OWNER, 0, 0x1F }, 1, 0, 1, 1 },
    { { GONE, 3, 0 }, { GONE, 3, 4 }, { NO_OWNER, 0, 0xB }, { NO_OWNER, 0, 0x1F }, 0, 0, 1, 1 },
    { { GONE, 3, 1 }, { GONE, 3, 5 }, { NO_OWNER, 0, 0xB }, { NO_OWNER, 0, 0x1F }, 0, 0, 1, 1 },
#elif PY_VERSION_HEX >= 0x030E0000
    { 0, 1, 0xFFFFFFFF, 7, 0, 1, 1, 0 },
    { 1, 2, 0, 7, 1, 0, 1, 1 },
    { 2, 3, 1, 7, 0, 0, 1, 1 },
    { 0x7FFFFFFF, 0x80000000, 0x7FFFFFFE, 7, 0, 0, 0, 1 },
    { 0x80000000, 0x80000001, 0x80000000, 0x80000000, 0, 0, 0, 0 },
    { 0xBFFFFFFF, 0xC0000000, 0xBFFFFFFF, 0xBFFFFFFF, 0, 0, 0, 0 },
    { 0xC0000000, S(0xC0000000), 0, 0, 0, 0 },
    { 0xFFEFFFFF, S(0xFFEFFFFF), 0, 0, 0, 0 },
    { 0xFFFFFFFE, S(0xFFFFFFFE), 0, 1, 0, 0 },
    { 0xFFFFFFFF, S(0xFFFFFFFF), 0, 1, 0, 0 },
    { 0x100000000, 0x100000001, 0x1FFFFFFFF, 0x100000007, 0, 0, 1, 1 },
    { 0x100000001, 0x100000002, 0x100000000, 0x100000007, 1, 0, 1, 1 },
    { 0x1FFFFFFFF, S(0x1FFFFFFFF), 0, 1, 0, 0 },
    { 0x50000C0000000, S(0x50000C0000000), 0, 0, 0, 0 },
    { 0x1000080000000, 0x1000080000001, 0x1000080000000, 0x1000080000000, 0, 0, 0, 0 },
    { 0xFFFFFFFFFFFFFFFB, S(0xFFFFFFFFFFFFFFFB), 0, 1, 0, 0 },
    { 0xDDDDDDDDDDDDDDDD, S(0xDDDDDDDDDDDDDDDD), 0, 1, 0, 0 },
#elif PY_VERSION_HEX >= 0x030C0000
    { 0, 1, 0xFFFFFFFFFFFFFFFF, 7, 0, 1, 1, 0 },
    { 1, 2, 0, 7, 1, 0, 1, 1 },
    { 2, 3, 1, 7, 0, 0, 1, 1 },
    { 0x7FFFFFFF, 0x80000000, 0x7FFFFFFE, 7, 0, 0, 1, 1 },
    { 0x80000000, 0x80000001, 0x80000000, 0x80000000, 0, 0, 1, 0 },
    { 0xBFFFFFFF, 0xC0000000, 0xBFFFFFFF, 0xBFFFFFFF, 0, 0, 1, 0 },
    { 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFE, 0, 0, 1, 0 },
    { 0xFFFFFFFF, S(0xFFFFFFFF), 0, 0, 0, 0 },
    { 0x100000000, 0x100000001, 0xFFFFFFFF, 7, 0, 0, 1, 1 },
    { 0x100000001, 0x100000002, 0x100000000, 7, 0, 0, 1, 1 },
    { 0x1FFFFFFFF, S(0x1FFFFFFFF), 0, 0, 0, 0 },
    { 0x50000C0000000, 0x50000C0000001, 0x50000C0000000, 0x50000C0000000, 0, 0, 1, 0 },
    { 0xFFFFFFFFFFFFFFFB, 0xFFFFFFFFFFFFFFFC, 0xFFFFFFFFFFFFFFFB, 0xFFFFFFFFFFFFFFFB, 0, 1, 1, 0 },
    { 0xDDDDDDDDDDDDDDDD, 0xDDDDDDDDDDDDDDDE, 0xDDDDDDDDDDDDDDDD, 0xDDDDDDDDDDDDDDDD, 0, 1, 1, 0 },
#else
    { 0, 1, 0xFFFFFFFFFFFFFFFF, 7, 0, 1, 1, 1 },
    { 1, 2, 0, 7, 1, 0, 1, 1 },
    { 2, 3, 1, 7, 0, 0, 1, 1 },
    { 0x7FFFFFFF, 0x80000000, 0x7FFFFFFE, 7, 0, 0, 1, 1 },
    { 0xFFFFFFFF, 0x100000000, 0xFFFFFFFE, 7, 0, 0, 1, 1 },
    { 0x100000000, 0x100000001, 0xFFFFFFFF, 7, 0, 0, 1, 1 },
    { 0xFFFFFFFFFFFFFFFB, 0xFFFFFFFFFFFFFFFC, 0xFFFFFFFFFFFFFFFA, 7, 0, 1, 1, 1 },
#endif
};

static void inline_incref(PyObject *op) { Py_INCREF(op); }
static void inline_xincref(PyObject *op) { Py_XINCREF(op); }
static void inline_new_ref(PyObject *op) { CHECK(Py_NewRef(op) == op); }
static void inline_xnew_ref(PyObject *op) { CHECK(Py_XNewRef(op) == op); }
static void inline_decref(PyObject *op) { Py_DECREF(op); }
static void inline_xdecref(PyObject *op) { Py_XDECREF(op); }
#if PY_VERSION_HEX >= 0x030A0000
static void new_ref(PyObject *op) { CHECK((Py_NewRef)(op) == op); }
static void xnew_ref(PyObject *op) { CHECK((Py_XNewRef)(op) == op); }
#endif
static void inline_set(PyObject *op) { Py_SET_REFCNT(op, 7); }
#if PY_VERSION_HEX >= 0x030D0000
static void set(PyObject *op) { _Py_SetRefcnt(op, 7); }
#endif

/* A checked function ends the process where a word is marked `over`. */
typedef struct {
    void (*call)(PyObject *);
    int checked;
} Way;
#ifdef Py_REF_DEBUG
enum { INLINE = 1, EXPORTED = 1 };
#else
enum { INLINE = 0, EXPORTED = IS_DEBUG };
#endif
static const Way more[] = {
    { inline_incref, 0 }, { inline_xincref, 0 }, { inline_new_ref, 0 }, { inline_xnew_ref, 0 }, { Py_IncRef, 0 },
#if PY_VERSION_HEX >= 0x030A0000
    { _Py_IncRef, 0 }, { new_ref, 0 }, { xnew_ref, 0 },
#endif
};
static const Way less[] = {
    { inline_decref, INLINE }, { inline_xdecref, INLINE }, { Py_DecRef, EXPORTED },
#if PY_VERSION_HEX >= 0x030A0000
    { _Py_DecRef, EXPORTED },
#endif
};
static const Way seven[] = {
    { inline_set, 0 },
#if PY_VERSION_HEX >= 0x030D0000
    { set, 0 },
#endif
};

static int dead;
static void count_death(PyObject *op) { (void)op; dead++; }
static PyTypeObject Word_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Word",
    .tp_basicsize = sizeof(PyObject),
    .tp_dealloc = count_death,
};

#ifdef Py_GIL_DISABLED
static Count image(PyObject *op)
{
    return (Count){ op->ob_tid == _Py_ThreadId() ? ME : op->ob_tid, op->ob_ref_local, (uint64_t)op->ob_ref_shared };
}
static void put(PyObject *op, Count count)
{
    op->ob_tid = count.tid == ME ? _Py_ThreadId() : count.tid;
    op->ob_ref_local = (uint32_t)count.local;
    op->ob_ref_shared = (Py_ssize_t)count.shared;
}
#else
static char *place(PyObject *op) { return (char *)op + offsetof(PyObject, ob_refcnt); }
static Count image(PyObject *op)
{
    Count word;
    memcpy(&word, place(op), sizeof word);
    return word;
}
static void put(PyObject *op, Count count) { memcpy(place(op), &count, sizeof count); }
#endif
static void print(const char *what, Count count)
{
    printf("    %s", what);
    for (size_t word = 0; word < sizeof count / sizeof(uint64_t); word++) {
        printf(" %#llx", (unsigned long long)((uint64_t *)&count)[word]);
    }
    printf("\n");
}

/* Calls `way` on a new object with the count of `word`, and checks the new count, the death and the total. */
static void try_one(Way way, const Word *word, Count after, int dies, int total)
{
    static PyObject object;
    const Count one = ONE;
    object.ob_type = &Word_Type;
    _Py_NewReference(&object);
    put(&object, word->before);
    dead = 0;
    NOTE_TOTAL();
    way.call(&object);
    GAINED(total);
    Count is = image(&object);
    int right = CHECK(memcmp(&is, &after, sizeof is) == 0) & EQUAL(dead, dies);
    if (!right) {
        print("the count was", word->before);
        print("it is", is);
        print("it should be", after);
    }
    if (!dead) {
        put(&object, one);
        Py_DECREF(&object);
    }
}

#define EACH(array, item) (size_t item = 0; item < sizeof array / sizeof *array; item++)
static void acquire(void)
{
    for EACH (more, way) {
        for EACH (words, word) {
            try_one(more[way], &words[word], words[word].more, 0, words[word].plus);
        }
    }
}
static void release(void)
{
    for EACH (less, way) {
        for EACH (words, word) {
            if (!less[way].checked || !words[word].over) {
                try_one(less[way], &words[word], words[word].less, words[word].dies, -words[word].minus);
            }
        }
    }
}
static void set_refcnt(void)
{
    for EACH (seven, way) {
        for EACH (words, word) {
            try_one(seven[way], &words[word], words[word].seven, 0, 0);
        }
    }
}

int main(void)
{
    RUN(acquire);
    RUN(release);
    RUN(set_refcnt);
    return summary();
}
