/* Free-threaded counting under load: threads pass objects to each other, drop them at random and end early. Every
 * object must die exactly once. The argument is a seed; without it each run uses a new one. */
#include "testing.h"
#include "things.h"

#ifdef Py_GIL_DISABLED
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { SEATS = 6, LIVES = 5, HANDS = 12, INBOX = 64, WEAK = 64, MOST = 1 << 20 };
static int moves = 1500; /* in a thread's life. */

/* Every object has a number; died[number] counts its deaths. */
typedef struct {
    PyObject_HEAD
    int number;
    atomic_int rescues; /* How many times its finalizer will resurrect it. */
    PyObject *held;     /* In a node: the next node, or NULL. */
} Ball;
static atomic_int births, deaths, rescued;
static atomic_uchar died[MOST];

/* References on their way to the player of a seat. */
static struct {
    pthread_mutex_t mutex;
    PyObject *ops[INBOX];
    int count;
} inboxes[SEATS];

/* Weak references: pointers that own no reference. An object's tp_dealloc clears its slot. */
static struct {
    pthread_mutex_t mutex;
    PyObject *op;
} weak[WEAK];

/* An object of the main thread that all threads count at once. */
static PyObject *hot;

/* The player of a seat: a thread. */
typedef struct {
    uint64_t state;
    int seat;
    PyObject *hands[HANDS];
} Player;
static _Thread_local Player *playing;

static unsigned draw(Player *player, unsigned below)
{
    player->state ^= player->state << 13;
    player->state ^= player->state >> 7;
    player->state ^= player->state << 17;
    return (unsigned)(player->state >> 33) % below;
}

static void acquire(Player *player, PyObject *op)
{
    if (draw(player, 2)) {
        Py_IncRef(op);
    }
    else {
        Py_INCREF(op);
    }
}
static void release(Player *player, PyObject *op)
{
    if (draw(player, 2)) {
        Py_DecRef(op);
    }
    else {
        Py_DECREF(op);
    }
}

/* Passes the caller's reference to a random inbox, or releases it if the inbox is full. */
static void pass(Player *player, PyObject *op)
{
    unsigned to = draw(player, SEATS);
    pthread_mutex_lock(&inboxes[to].mutex);
    if (inboxes[to].count < INBOX) {
        inboxes[to].ops[inboxes[to].count++] = op;
        op = NULL;
    }
    pthread_mutex_unlock(&inboxes[to].mutex);
    if (op != NULL) {
        release(player, op);
    }
}

static PyObject *take(int seat)
{
    PyObject *op = NULL;
    pthread_mutex_lock(&inboxes[seat].mutex);
    if (inboxes[seat].count > 0) {
        op = inboxes[seat].ops[--inboxes[seat].count];
    }
    pthread_mutex_unlock(&inboxes[seat].mutex);
    return op;
}

/* Records a death that no finalizer can undo. */
static void enter_death(PyObject *op)
{
    int number = ((Ball *)op)->number;
    pthread_mutex_lock(&weak[number % WEAK].mutex);
    if (weak[number % WEAK].op == op) {
        weak[number % WEAK].op = NULL;
    }
    pthread_mutex_unlock(&weak[number % WEAK].mutex);
    if (atomic_fetch_add(&died[number], 1) != 0) {
        printf("FAILED: object %d died twice\n", number);
        abort();
    }
    atomic_fetch_add(&deaths, 1);
}
static void ball_dealloc(PyObject *op)
{
    if (PyObject_CallFinalizerFromDealloc(op) == 0) {
        enter_death(op);
        PyObject_Free(op);
    }
    else {
        atomic_fetch_add(&rescued, 1);
    }
}
static void node_dealloc(PyObject *op)
{
    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, node_dealloc)
    enter_death(op);
    Py_CLEAR(((Ball *)op)->held);
    PyObject_GC_Del(op);
    Py_TRASHCAN_END
}
static void ball_finalize(PyObject *op);
static PyTypeObject Ball_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Ball", .tp_basicsize = sizeof(Ball),
    .tp_dealloc = ball_dealloc, .tp_finalize = ball_finalize,
};
static PyTypeObject Node_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Node", .tp_basicsize = sizeof(Ball),
    .tp_flags = Py_TPFLAGS_HAVE_GC, .tp_dealloc = node_dealloc,
};

static Ball *numbered(Ball *ball, PyObject *held)
{
    assert(ball != NULL);
    ball->number = atomic_fetch_add(&births, 1);
    assert(ball->number < MOST);
    ball->held = held;
    return ball;
}
static PyObject *new_ball(int rescues)
{
    Ball *ball = numbered(PyObject_New(Ball, &Ball_Type), NULL);
    atomic_store(&ball->rescues, rescues);
    return (PyObject *)ball;
}
static PyObject *new_chain(int length)
{
    PyObject *chain = NULL;
    while (length-- > 0) {
        chain = (PyObject *)numbered(PyObject_GC_New(Ball, &Node_Type), chain);
        PyObject_GC_Track(chain);
    }
    return chain;
}

/* Resurrects the object: passes a new reference to a random inbox, then allocates, which merges. */
static void ball_finalize(PyObject *op)
{
    if (atomic_load(&((Ball *)op)->rescues) > 0) {
        atomic_fetch_sub(&((Ball *)op)->rescues, 1);
        Py_INCREF(op);
        pass(playing, op);
        Py_DECREF(new_ball(0));
    }
}

#if PY_VERSION_HEX >= 0x030E0000
static PyObject *try_one(int slot)
{
    pthread_mutex_lock(&weak[slot].mutex);
    PyObject *op = weak[slot].op;
    if (op != NULL && !PyUnstable_TryIncRef(op)) {
        op = NULL;
    }
    pthread_mutex_unlock(&weak[slot].mutex);
    return op;
}
static void publish(PyObject *op)
{
    int slot = ((Ball *)op)->number % WEAK;
    PyUnstable_EnableTryIncRef(op);
    pthread_mutex_lock(&weak[slot].mutex);
    weak[slot].op = op;
    pthread_mutex_unlock(&weak[slot].mutex);
}
#else
static PyObject *try_one(int slot) { return (void)slot, NULL; }
static void publish(PyObject *op) { (void)op; }
#endif

static void hold(Player *player, PyObject *op)
{
    PyObject **hand = &player->hands[draw(player, HANDS)], *old = *hand;
    if (op != NULL) {
        *hand = op;
        if (old != NULL) {
            release(player, old);
        }
    }
}

static void move(Player *player)
{
    PyObject **hand = &player->hands[draw(player, HANDS)], *op = *hand;
    switch (draw(player, op == NULL ? 6 : 12)) {
    case 0: hold(player, new_ball(draw(player, 8) == 0 ? 2 : 0)); break;
    case 1: hold(player, new_chain(draw(player, 50) == 0 ? 200 : 3)); break;
    case 2: pyrefcore_merge_queued(); break;
    case 3: hold(player, try_one((int)draw(player, WEAK))); break;
    case 4:
    case 5: hold(player, take(player->seat)); break;
    case 6:
    case 7:
        acquire(player, op);
        pass(player, op);
        break;
    case 8:
        *hand = NULL;
        pass(player, op);
        break;
    case 9:
        *hand = NULL;
        release(player, op);
        break;
    case 10: publish(op); break;
    default:
        op = draw(player, 2) ? op : hot;
        for (int i = 0; i < 50; i++) {
            acquire(player, op);
        }
        for (int i = 0; i < 50; i++) {
            release(player, op);
        }
    }
}

static void *play(void *arg)
{
    Player *player = arg;
    playing = player;
    /* The library must know a thread before the thread counts: its id may be that of an ended owner. */
    if (draw(player, 2)) {
        player->hands[0] = new_ball(0);
    }
    else {
        pyrefcore_merge_queued();
    }
    for (int i = (int)draw(player, (unsigned)moves); i < 2 * moves; i++) {
        move(player);
    }
    for (int i = 0; i < HANDS; i++) {
        Py_CLEAR(player->hands[i]);
    }
    return NULL;
}

/* The threads of a seat run one after the other. A thread may have the id of an ended one. */
typedef struct {
    pthread_t thread;
    uint64_t seed;
    int seat;
} Seat;
static void *seat(void *arg)
{
    Seat *seat = arg;
    for (int life = 0; life < LIVES; life++) {
        pthread_t thread;
        Player player = { .state = seat->seed * 1000003 + (uint64_t)(seat->seat * 100 + life) + 1, .seat = seat->seat };
        assert(pthread_create(&thread, NULL, play, &player) == 0 && pthread_join(thread, NULL) == 0);
    }
    return NULL;
}

static uint64_t seed;
static void round_of(unsigned watched)
{
    static Seat seats[SEATS];
    Player last = { .state = seed + 77 };
    atomic_store(&births, 0);
    atomic_store(&deaths, 0);
    atomic_store(&rescued, 0);
    memset((void *)died, 0, sizeof died);
#ifdef Py_REF_DEBUG
    Py_ssize_t total = TOTAL();
#endif
    pyrefcore_watch(watched);
    uint64_t told_births = pyrefcore_births(), told_deaths = pyrefcore_deaths();
    hot = new_ball(0);
    /* The main thread plays at seat 0. */
    for (int i = 1; i < SEATS; i++) {
        seats[i].seed = seed;
        seats[i].seat = i;
        assert(pthread_create(&seats[i].thread, NULL, seat, &seats[i]) == 0);
    }
    play(&last);
    for (int i = 1; i < SEATS; i++) {
        pthread_join(seats[i].thread, NULL);
    }
    EQUAL(Py_REFCNT(hot), 1);
    if (watched & PYREFCORE_COUNT) {
        CHECK(pyrefcore_births() - told_births > pyrefcore_deaths() - told_deaths);
    }
    Py_CLEAR(hot);
    for (int again = 1; again;) {
        again = pyrefcore_merge_queued() > 0;
        for (int i = 0; i < SEATS; i++) {
            for (PyObject *op; (op = take(i)) != NULL; again = 1) {
                Py_DECREF(op);
            }
        }
    }
    int all = atomic_load(&births);
    CHECK(all > SEATS * LIVES);
    EQUAL(atomic_load(&deaths), all);
    for (int i = 0; i < all; i++) {
        if (atomic_load(&died[i]) != 1) {
            CHECK(!"every object dies once");
            printf("    object %d died %d times\n", i, atomic_load(&died[i]));
            break;
        }
    }
    for (int i = 0; i < WEAK; i++) {
        CHECK(weak[i].op == NULL);
    }
    if (watched & PYREFCORE_LIVE) {
        EQUAL(pyrefcore_live_count(0), 0);
    }
    if (watched & PYREFCORE_COUNT) {
        CHECK(pyrefcore_births() - told_births >= (uint64_t)all);
        /* A resurrection counts as one death and one birth. */
        EQUAL(pyrefcore_deaths() - told_deaths, pyrefcore_births() - told_births);
    }
#ifdef Py_REF_DEBUG
    /* The total loses one reference too many at each resurrection. `rescued` does not count those whose object other
     * threads release before the finalizer returns. */
    CHECK(TOTAL() - total <= -atomic_load(&rescued) * RESURRECTION_TAX && TOTAL() - total >= -(Py_ssize_t)all);
#endif
    pyrefcore_unwatch(watched);
    seed = seed * 6364136223846793005 + 1442695040888963407;
}

static void unwatched(void) { round_of(0); }
static void counted(void) { round_of(PYREFCORE_LIVE | PYREFCORE_COUNT); }
static void traced(void)
{
    moves /= 10;
    pyrefcore_trace_start(4);
    round_of(PYREFCORE_LIVE | PYREFCORE_COUNT | PYREFCORE_TRACE);
    pyrefcore_trace_stop();
    moves *= 10;
}
#endif

int main(int argc, char **argv)
{
#ifdef Py_GIL_DISABLED
    seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL) * 1000003 ^ (uint64_t)getpid();
    for (int i = 0; i < SEATS; i++) {
        pthread_mutex_init(&inboxes[i].mutex, NULL);
    }
    for (int i = 0; i < WEAK; i++) {
        pthread_mutex_init(&weak[i].mutex, NULL);
    }
    for (int i = 0; i < 2; i++) {
        printf("seed %llu\n", (unsigned long long)seed);
        fflush(stdout);
        RUN(unwatched);
        RUN(counted);
        RUN(traced);
    }
#else
    (void)argc;
    (void)argv;
#endif
    return summary();
}
