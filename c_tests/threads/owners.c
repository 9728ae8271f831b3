/* Free-threaded counting where an object loses its owner, or finds one: ended threads, finalizers, forks. */
#include "testing.h"
#include "things.h"

#ifdef Py_GIL_DISABLED
#include "peers.h"

static void owner_ends(void)
{
    static Peer owner;
    START();
    PyObject *op = born_by(start(&owner)), *left = born_by(&owner), *shared = born_by(&owner);
    Py_INCREF(shared);
    Py_DECREF(op);
    EQUAL(ended, 0);
    ask(&owner, more_inline, left);
    WORDS(left, owner.tid, 2, 0);
    stop(&owner);
    /* What waited was ended by the thread itself. */
    CHECK(ended == 1 && ended_by == owner.tid);
    GAINED(4);
    /* What it still owned is merged by who gives back its references. */
    WORDS(left, owner.tid, 2, 0);
    Py_DECREF(left);
    WORDS(left, 0, 0, 7);
    ask(&other, less_inline, left);
    CHECK(ended == 2 && ended_by == other.tid);
    WORDS(shared, owner.tid, 1, 4);
    Py_DECREF(shared);
    WORDS(shared, owner.tid, 1, 0);
    Py_DECREF(shared);
    CHECK(ended == 3 && ended_by == me);
    GAINED(0);
}

/* While a thread ends what waited for it, more is handed to it. */
static PyObject *next_one;
static void end_and_hand(PyObject *op)
{
    PyObject *handed = next_one;
    next_one = NULL;
    end(op);
    ask(&other, less_inline, handed);
}
static PyTypeObject Handing_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Handing", .tp_basicsize = sizeof(PyObject), .tp_dealloc = end_and_hand,
};
static void bear_handing(PyObject *op) { (void)op; born = PyObject_New(PyObject, &Handing_Type); }
static void handed_at_the_end(void)
{
    static Peer owner;
    START();
    next_one = born_by(start(&owner));
    ask(&owner, bear_handing, NULL);
    Py_DECREF(born);
    EQUAL(ended, 0);
    stop(&owner);
    CHECK(ended == 2 && ended_by == owner.tid);
    GAINED(0);
}

/* A thread that makes nothing is known from its first merge on: nobody merges in its place. */
static void makes_nothing(void)
{
    static Peer owner;
    START();
    PyObject *op = new_mortal();
    op->ob_tid = start(&owner)->tid;
    ask(&owner, merge, NULL);
    Py_DECREF(op);
    WORDS(op, owner.tid, 1, 2);
    stop(&owner);
    CHECK(ended == 1 && ended_by == owner.tid);
    GAINED(0);
}

/* Thread-specific data is cleaned up while its thread is still known, and what is born there finds an owner, too. */
static pthread_key_t key;
static sem_t at_end, handed;
static PyObject *kept, *late;
static void clean_up(void *arg)
{
    (void)arg;
    sem_post(&at_end);
    sem_wait(&handed);
    late = new_mortal();
    sem_post(&at_end);
    sem_wait(&handed);
}
static void use_key(PyObject *op) { kept = op; assert(pthread_setspecific(key, &key) == 0); }
static void cleans_up(void)
{
    static Peer owner;
    assert(sem_init(&at_end, 0, 0) == 0 && sem_init(&handed, 0, 0) == 0);
    assert(pthread_key_create(&key, clean_up) == 0);
    START();
    ask(&owner, use_key, born_by(start(&owner)));
    owner.what = NULL;
    sem_post(&owner.asked);
    sem_wait(&at_end);
    Py_DECREF(kept);
    WORDS(kept, owner.tid, 1, 2);
    sem_post(&handed);
    sem_wait(&at_end);
    /* The birth has merged. */
    CHECK(ended == 1 && ended_by == owner.tid);
    WORDS(late, owner.tid, 1, 0);
    Py_DECREF(late);
    WORDS(late, owner.tid, 1, 2);
    sem_post(&handed);
    pthread_join(owner.thread, NULL);
    CHECK(ended == 2 && ended_by == owner.tid);
    GAINED(0);
    pthread_key_delete(key);
}

/* The same again and again: the last round of such destructors may be the one that leaves the thread known. */
static int rounds;
static void bear_again(void *arg)
{
    Py_DECREF(new_mortal());
    if (++rounds < 3) {
        assert(pthread_setspecific(key, arg) == 0);
    }
}
static void cleans_up_again(void)
{
    static Peer owner;
    rounds = 0;
    assert(pthread_key_create(&key, bear_again) == 0);
    START();
    PyObject *op = born_by(start(&owner));
    ask(&owner, use_key, op);
    stop(&owner);
    CHECK(rounds == 3 && ended == 3);
    /* Nobody waits for a thread that is gone. */
    Py_DECREF(op);
    EQUAL(ended, 4);
    GAINED(0);
    pthread_key_delete(key);
}

/* Finalizers: a dying object is its ender's until it is known whether it lives on. */
static PyObject *rescued;
static Peer *lend_to;
static int rescue;
static void finalize(PyObject *op)
{
    WORDS(op, _Py_ThreadId(), 1, 0);
    if (lend_to != NULL) {
        Py_INCREF(op);
        ask(lend_to, less_inline, op);
    }
    if (rescue) {
        rescue = 0;
        rescued = Py_NewRef(op);
    }
}
static void end_finally(PyObject *op)
{
    if (PyObject_CallFinalizerFromDealloc(op) == 0) {
        end(op);
    }
}
static PyTypeObject Final_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Final", .tp_basicsize = sizeof(PyObject),
    .tp_dealloc = end_finally, .tp_finalize = finalize,
};
static void bear_final(PyObject *op) { (void)op; born = PyObject_New(PyObject, &Final_Type); }

static void finalized_by_the_owner(void)
{
    START();
    bear_final(NULL);
    rescue = 1;
    Py_DECREF(born);
    CHECK(ended == 0 && rescued == born);
    WORDS(born, 0, 0, 7);
    GAINED(1 - RESURRECTION_TAX);
    Py_DECREF(born);
    CHECK(ended == 1 && ended_by == me);
    GAINED(-RESURRECTION_TAX);
}
static void finalized_by_another(void)
{
    START();
    bear_final(NULL);
    ask(&other, more_inline, born);
    Py_DECREF(born);
    rescue = 1;
    ask(&other, less_inline, born);
    CHECK(ended == 0 && rescued == born);
    WORDS(born, 0, 0, 7);
    GAINED(1 - RESURRECTION_TAX);
    ask(&other, less_inline, born);
    CHECK(ended == 1 && ended_by == other.tid);
    GAINED(-RESURRECTION_TAX);
}
/* A thread that has made nothing ends an object, and its finalizer lends the object to one that gives it back. */
static void lent_by_its_finalizer(void)
{
    static Peer owner;
    START();
    bear_final(NULL);
    start(&owner);
    ask(&owner, more_inline, born);
    Py_DECREF(born);
    lend_to = &other;
    ask(&owner, less_inline, born);
    lend_to = NULL;
    CHECK(ended == 0);
    WORDS(born, 0, 0, 7);
    GAINED(1 - RESURRECTION_TAX);
    stop(&owner);
    CHECK(ended == 1 && ended_by == owner.tid);
    GAINED(-RESURRECTION_TAX);
}

/* Fork: the child has this thread only, which stands in for those that are gone. */
static void in_the_child(PyObject *waiting, PyObject *owned)
{
    ended = 0;
    EQUAL(pyrefcore_merge_queued(), 1);
    CHECK(waiting != owned && ended == 1 && ended_by == me);
    Py_DECREF(owned);
    EQUAL(ended, 2);
    /* ThreadSanitizer takes a new thread for one that the fork left behind, and ends the process. */
#ifndef __SANITIZE_THREAD__
    static Peer new_one;
    ask(start(&new_one), less_inline, new_mortal());
    EQUAL(pyrefcore_merge_queued(), 1);
    stop(&new_one);
    EQUAL(ended, 3);
#endif
    GAINED(0);
    fflush(stdout);
    _exit(testing.wrong);
}
static void forked(void)
{
    int status = -1;
    START();
    PyObject *waiting = born_by(&other), *owned = born_by(&other);
    Py_DECREF(waiting);
    EQUAL(ended, 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        in_the_child(waiting, owned);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    /* Nothing has changed here. */
    EQUAL(pyrefcore_merge_queued(), 0);
    WORDS(waiting, other.tid, 1, 2);
    ask(&other, merge, NULL);
    CHECK(merged == 1 && ended == 1);
    ask(&other, less_inline, owned);
    EQUAL(ended, 2);
    GAINED(0);
}

static void cases(void)
{
    RUN(owner_ends);
    RUN(handed_at_the_end);
    RUN(makes_nothing);
    RUN(cleans_up);
    RUN(cleans_up_again);
    RUN(finalized_by_the_owner);
    RUN(finalized_by_another);
    RUN(lent_by_its_finalizer);
    RUN(forked);
}
#endif

int main(void)
{
#ifdef Py_GIL_DISABLED
    with_another(cases);
#endif
    return summary();
}
