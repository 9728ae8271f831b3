/* Free-threaded counting where an object loses or gets its owner: ended threads, finalizers, forks. */
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
    /* The thread merged its queue before it ended. */
    CHECK(ended == 1 && ended_by == owner.tid);
    GAINED(4);
    /* An object that it still owned is merged by the thread that releases the owner's reference. */
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

/* While an ending thread merges its queue, another object is queued for it. */
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

/* The library knows a thread that makes no object from its first merge on, so no other thread merges in its place. */
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

/* Destructors of thread-specific data run while the library still knows the thread. An object that is born in one has
 * that thread as its owner. */
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

/* A destructor that sets its data again runs in several rounds. A birth in the last round may make the thread known
 * again. */
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
    /* The thread has ended, so the object is not queued for it. */
    Py_DECREF(op);
    EQUAL(ended, 4);
    GAINED(0);
    pthread_key_delete(key);
}

/* Finalizers: the thread that ends an object owns it while the finalizer runs. */
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
/* A thread that has made no object ends one. The finalizer lends the object to another thread, which releases it. */
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

/* Fork: the child has only this thread, which merges for the threads that do not exist there. */
static void in_the_child(PyObject *waiting, PyObject *owned)
{
    ended = 0;
    EQUAL(pyrefcore_merge_queued(), 1);
    CHECK(waiting != owned && ended == 1 && ended_by == me);
    Py_DECREF(owned);
    EQUAL(ended, 2);
    /* ThreadSanitizer ends a forked child that starts a thread after a fork with several threads. */
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
    /* The child's merges changed nothing in the parent. */
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
