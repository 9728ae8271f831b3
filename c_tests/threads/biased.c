/* Free-threaded counting, step by step: which thread changes which word, which objects wait for a merge by their owner,
 * and which thread ends an object. */
#include "testing.h"
#include "things.h"

#ifdef Py_GIL_DISABLED
#include "peers.h"

#ifdef Py_REF_DEBUG
#define TAKE_FROM_TOTAL() _Py_DECREF_DecRefTotal()
#else
#define TAKE_FROM_TOTAL() (void)0
#endif
static void less_shared(PyObject *op) { TAKE_FROM_TOTAL(); _Py_DecRefShared(op); }
static void less_shared_debug(PyObject *op) { TAKE_FROM_TOTAL(); _Py_DecRefSharedDebug(op, "mymod.c", 42); }

typedef void (*Way)(PyObject *);
static const Way more[] = { more_inline, Py_IncRef, _Py_IncRef };
static const Way less[] = { less_inline, Py_DecRef, _Py_DecRef };
/* The ways in which another thread gives a reference back. */
static const Way hand[] = { less_inline, Py_DecRef, _Py_DecRef, less_shared, less_shared_debug };
#define EACH(array, item) (size_t item = 0; item < sizeof array / sizeof *array; item++)

static void thread_ids(void)
{
    CHECK(me != 0 && other.tid != 0 && me != other.tid && _Py_GetThreadLocal_Addr() == me);
    PyObject *op = new_mortal();
    CHECK(_Py_IsOwnedByCurrentThread(op));
    Py_DECREF(op);
}

static void owner_alone(void)
{
    for EACH (more, way) {
        START();
        PyObject *op = new_mortal();
        WORDS(op, me, 1, 0);
        more[way](op);
        WORDS(op, me, 2, 0);
        less[way](op);
        WORDS(op, me, 1, 0);
        GAINED(1);
        less[way](op);
        CHECK(ended == 1 && ended_by == me);
        GAINED(0);
    }
}

/* The release of the owner's last reference merges. The thread that releases the very last one ends the object. */
static void others_count(void)
{
    for EACH (more, way) {
        START();
        PyObject *op = new_mortal();
        ask(&other, more[way], op);
        ask(&other, more[way], op);
        WORDS(op, me, 1, 8);
        EQUAL(Py_REFCNT(op), 3);
        ask(&other, less[way], op);
        WORDS(op, me, 1, 4);
        less[way](op);
        WORDS(op, 0, 0, 7);
        GAINED(1);
        more[way](op);
        WORDS(op, 0, 0, 0xB);
        less[way](op);
        ask(&other, less[way], op);
        CHECK(ended == 1 && ended_by == other.tid);
        GAINED(0);
    }
}

/* Another thread releases a reference that the shared word has not counted: the object waits until its owner merges. */
static void waits(void)
{
    for EACH (hand, way) {
        for (int enabled = 0; enabled < 2; enabled++) {
            START();
            PyObject *op = new_mortal();
            op->ob_ref_shared = enabled;
            ask(&other, hand[way], op);
            WORDS(op, me, 1, 2);
            CHECK(Py_REFCNT(op) == 1 && ended == 0);
            GAINED(1);
            EQUAL(pyrefcore_merge_queued(), 1);
            CHECK(ended == 1 && ended_by == me);
            GAINED(0);
            EQUAL(pyrefcore_merge_queued(), 0);
        }
    }
}
static void waits_and_lives(void)
{
    for EACH (hand, way) {
        START();
        PyObject *op = new_mortal();
        Py_SET_REFCNT(op, 4);
        ask(&other, hand[way], op);
        WORDS(op, me, 4, 2);
        /* It is queued only once, and the shared count goes below zero. */
        ask(&other, hand[way], op);
        WORDS(op, me, 4, -2);
        Py_DECREF(op);
        WORDS(op, me, 3, -2);
        EQUAL(pyrefcore_merge_queued(), 1);
        WORDS(op, 0, 0, 7);
        CHECK(ended == 0);
        ask(&other, hand[way], op);
        CHECK(ended == 1 && ended_by == other.tid);
    }
}

/* A release that the shared word has counted does not queue the object. */
static void does_not_wait(void)
{
    for EACH (hand, way) {
        for (int enabled = 0; enabled < 2; enabled++) {
            START();
            PyObject *op = new_mortal();
            op->ob_ref_shared = enabled;
            ask(&other, more_inline, op);
            WORDS(op, me, 1, 4 + enabled);
            ask(&other, hand[way], op);
            WORDS(op, me, 1, enabled);
            EQUAL(pyrefcore_merge_queued(), 0);
            Py_DECREF(op);
            CHECK(ended == 1 && ended_by == me);
            GAINED(0);
        }
    }
}

/* The owner's last release merges while the object is queued. The queue's reference then is a normal one. */
static void merged_while_it_waits(void)
{
    START();
    PyObject *op = new_mortal();
    ask(&other, more_inline, op);
    ask(&other, less_inline, op);
    Py_INCREF(op);
    ask(&other, less_inline, op);
    ask(&other, more_inline, op);
    WORDS(op, me, 2, 6);
    Py_DECREF(op);
    Py_DECREF(op);
    WORDS(op, 0, 0, 7);
    CHECK(ended == 0);
    EQUAL(pyrefcore_merge_queued(), 1);
    CHECK(ended == 1);
    GAINED(0);
}

static void allocation_merges(void)
{
    PyTypeObject row = Mortal_Type;
    row.tp_basicsize = sizeof(PyVarObject);
    for (int how = 0; how < 3; how++) {
        START();
        ask(&other, less_inline, new_mortal());
        EQUAL(ended, 0);
        PyObject *next = how == 0 ? (PyObject *)new_thing(1)
                         : how == 1 ? (PyObject *)PyObject_NewVar(PyVarObject, &row, 2) : (PyObject *)new_box(NULL);
        CHECK(ended == 1 && ended_by == me);
        Py_DECREF(next);
    }
}

static void everyone_has_a_queue(void)
{
    START();
    PyObject *theirs[] = { born_by(&other), born_by(&other) };
    ask(&other, less_inline, new_mortal());
    Py_DECREF(theirs[0]);
    Py_DECREF(theirs[1]);
    EQUAL(ended, 0);
    EQUAL(pyrefcore_merge_queued(), 1);
    CHECK(ended == 1 && ended_by == me);
    ask(&other, merge, NULL);
    CHECK(merged == 2 && ended == 3 && ended_by == other.tid);
    GAINED(0);
}

static const uint32_t forever = UINT32_MAX;
static void set_seven(PyObject *op) { Py_SET_REFCNT(op, 7); }
static void set_too_many(PyObject *op) { Py_SET_REFCNT(op, (Py_ssize_t)UINT32_MAX + 1); }
static void call_set_seven(PyObject *op) { _Py_SetRefcnt(op, 7); }
static void call_set_too_many(PyObject *op) { _Py_SetRefcnt(op, (Py_ssize_t)UINT32_MAX + 1); }
static void set_refcnt(void)
{
    const Way set[][2] = { { set_seven, set_too_many }, { call_set_seven, call_set_too_many } };
    for EACH (set, way) {
        START();
        PyObject *op = new_mortal();
        op->ob_ref_shared = 5;
        set[way][0](op);
        WORDS(op, me, 7, 1);
        ask(&other, set[way][0], op);
        WORDS(op, 0, 0, 7 << 2 | 3);
        ask(&other, set[way][1], op);
        WORDS(op, 0, 0, ((Py_ssize_t)UINT32_MAX + 1) << 2 | 3);
        Py_SET_REFCNT(op, 1);
        GAINED(1);
        Py_DECREF(op);
        EQUAL(ended, 1);
        op = new_mortal();
        set[way][1](op);
        WORDS(op, 0, forever, 0);
        /* The object is immortal now: nothing changes its words. */
        set[way][0](op);
        ask(&other, set[way][0], op);
        Py_DECREF(op);
        ask(&other, less_inline, op);
        ask(&other, more_inline, op);
        WORDS(op, 0, forever, 0);
        EQUAL(Py_REFCNT(op), PY_VERSION_HEX >= 0x030E0000 ? 3LL << 30 : (long long)UINT32_MAX);
        CHECK(_Py_IsImmortal(op) && ended == 1);
        GAINED(1);
    }
}

#if PY_VERSION_HEX >= 0x030E0000
static int answer;
static void try_one(PyObject *op) { answer = PyUnstable_TryIncRef(op); }
static void is_unique(PyObject *op) { answer = PyUnstable_Object_IsUniquelyReferenced(op); }
static int answer_of(Peer *peer, Way question, PyObject *op)
{
    answer = -1;
    return peer == NULL ? question(op) : ask(peer, question, op), answer;
}

static void try_incref(void)
{
    START();
    PyObject *op = new_mortal();
    CHECK(answer_of(NULL, try_one, op) == 1 && answer_of(&other, try_one, op) == 0);
    WORDS(op, me, 2, 0);
    GAINED(2);
    Py_DECREF(op);
    ask(&other, PyUnstable_EnableTryIncRef, op);
    PyUnstable_EnableTryIncRef(op);
    WORDS(op, me, 1, 1);
    CHECK(answer_of(&other, try_one, op) == 1);
    WORDS(op, me, 1, 5);
    GAINED(2);
    Py_DECREF(op);
    WORDS(op, 0, 0, 7);
    PyUnstable_EnableTryIncRef(op);
    CHECK(answer_of(NULL, try_one, op) == 1);
    WORDS(op, 0, 0, 0xB);
    op->ob_ref_shared = 3;
    CHECK(answer_of(NULL, try_one, op) == 0 && answer_of(&other, try_one, op) == 0);
    WORDS(op, 0, 0, 3);
    GAINED(2);
    op->ob_ref_shared = 0xB;
    Py_DECREF(op);
    Py_DECREF(op);
    CHECK(ended == 1);
    op = new_mortal();
    _Py_SetImmortal(op);
    PyUnstable_EnableTryIncRef(op);
    CHECK(answer_of(NULL, try_one, op) == 1 && answer_of(&other, try_one, op) == 1);
    WORDS(op, 0, forever, 0);
    GAINED(1);
}

static void unique(void)
{
    PyObject *op = new_mortal();
    CHECK(answer_of(NULL, is_unique, op) == 1 && answer_of(&other, is_unique, op) == 0);
    Py_INCREF(op);
    CHECK(answer_of(NULL, is_unique, op) == 0);
    Py_DECREF(op);
    ask(&other, more_inline, op);
    CHECK(answer_of(NULL, is_unique, op) == 0);
    Py_DECREF(op);
    /* After the merge the object has no owner, and is not called unique on any thread. */
    CHECK(answer_of(NULL, is_unique, op) == 0 && answer_of(&other, is_unique, op) == 0);
    Py_DECREF(op);
}

static void deferred(void)
{
    const Py_ssize_t huge = PTRDIFF_MAX / 8;
    START();
    PyObject *plain = new_mortal(), *box = (PyObject *)new_box(NULL);
    PyObject_GC_UnTrack(box);
    CHECK(PyUnstable_Object_EnableDeferredRefcount(plain) == 0 && PyUnstable_Object_EnableDeferredRefcount(box) == 0);
    PyObject_GC_Track(box);
    CHECK(PyUnstable_Object_EnableDeferredRefcount(box) == 1 && PyUnstable_Object_EnableDeferredRefcount(box) == 0);
    CHECK(box->ob_gc_bits == (1 | 64) && plain->ob_gc_bits == 0);
    EQUAL(Py_REFCNT(box), huge + 1);
    ask(&other, less_inline, box);
    WORDS(box, me, 1, (huge - 1) << 2);
    Py_DECREF(box);
    WORDS(box, 0, 0, (huge - 1) << 2 | 3);
    boxes_ended = 0;
    Py_DECREF(plain);
    CHECK(boxes_ended == 0 && ended == 1);
    GAINED(-1);
}
#endif

static void cases(void)
{
    RUN(thread_ids);
    RUN(owner_alone);
    RUN(others_count);
    RUN(waits);
    RUN(waits_and_lives);
    RUN(does_not_wait);
    RUN(merged_while_it_waits);
    RUN(allocation_merges);
    RUN(everyone_has_a_queue);
    RUN(set_refcnt);
#if PY_VERSION_HEX >= 0x030E0000
    RUN(try_incref);
    RUN(unique);
    RUN(deferred);
#endif
}
#endif

int main(void)
{
#ifdef Py_GIL_DISABLED
    with_another(cases);
#endif
    return summary();
}
