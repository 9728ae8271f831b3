/* Two threads that use an object in turn, for the programs about free-threaded counting. */
#ifndef PEERS_H
#define PEERS_H

#include <pthread.h>
#include <semaphore.h>

/* Another thread. It runs one requested function at a time, until stop() ends it. */
typedef struct {
    pthread_t thread;
    sem_t asked, done;
    void (*what)(PyObject *);
    PyObject *op;
    uintptr_t tid;
} Peer;
static inline void *obey(void *arg)
{
    Peer *peer = arg;
    peer->tid = _Py_ThreadId();
    for (sem_post(&peer->done); sem_wait(&peer->asked), peer->what != NULL; sem_post(&peer->done)) {
        peer->what(peer->op);
    }
    return NULL;
}
static inline Peer *start(Peer *peer)
{
    assert(sem_init(&peer->asked, 0, 0) == 0 && sem_init(&peer->done, 0, 0) == 0);
    assert(pthread_create(&peer->thread, NULL, obey, peer) == 0);
    sem_wait(&peer->done);
    return peer;
}
static inline void ask(Peer *peer, void (*what)(PyObject *), PyObject *op)
{
    peer->what = what;
    peer->op = op;
    sem_post(&peer->asked);
    sem_wait(&peer->done);
}
static inline void stop(Peer *peer)
{
    peer->what = NULL;
    sem_post(&peer->asked);
    pthread_join(peer->thread, NULL);
}

/* How many objects of a case have died, and the thread that ended the last one. */
static int ended;
static uintptr_t ended_by;
static inline void end(PyObject *op)
{
    ended++;
    ended_by = _Py_ThreadId();
    PyObject_Free(op);
}
static PyTypeObject Mortal_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Mortal", .tp_basicsize = sizeof(PyObject), .tp_dealloc = end,
};

static Peer other;
static uintptr_t me;
static PyObject *born;
static inline void bear(PyObject *op) { (void)op; born = PyObject_New(PyObject, &Mortal_Type); }
static inline PyObject *new_mortal(void) { return bear(NULL), born; }
static inline PyObject *born_by(Peer *peer) { return ask(peer, bear, NULL), born; }

#define WORDS(op, tid, local, shared) words_are(__LINE__, op, tid, local, shared)
static inline void words_are(int line, PyObject *op, uintptr_t tid, uint32_t local, Py_ssize_t shared)
{
    int right = op->ob_tid == tid && op->ob_ref_local == local && op->ob_ref_shared == shared;
    if (!testing_check(right, line, "the three words are right")) {
        printf("    they are %#zx %u %td\n", (size_t)op->ob_tid, op->ob_ref_local, op->ob_ref_shared);
    }
}

#define START() (NOTE_TOTAL(), ended = 0)

static inline void more_inline(PyObject *op) { Py_INCREF(op); }
static inline void less_inline(PyObject *op) { Py_DECREF(op); }
static size_t merged;
static inline void merge(PyObject *op) { (void)op; merged = pyrefcore_merge_queued(); }

/* Runs a program's cases while the other thread is there. */
static inline void with_another(void (*cases)(void))
{
    me = _Py_ThreadId();
    start(&other);
    cases();
    stop(&other);
}
#endif
