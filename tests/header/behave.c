/* Prints what CPython's inline functions and macros do to an object. It is compiled once against pyrefcore.h and
 * once, with -DAGAINST_PYTHON_H, against Python.h. test_facts.py compares the two outputs.
 *
 *   behave SEED COUNT           each operation on the listed start words and COUNT random ones, a line each
 *   behave SEED COUNT digest    one number for each operation, and the lines of the listed words for counting
 *
 * A line is `OPERATION START: CHANGES CALLS = RESULT`: the changed words of the object, the calls of outside
 * functions with their arguments (the stand-ins in behave_calls.h record them), and the result. The operations are
 * in behave_operations.h. */

#ifdef AGAINST_PYTHON_H
#include <Python.h>
#else
#include <pyrefcore.h>
#endif
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD(n) ((uint64_t)(n))
#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct { PyObject_VAR_HEAD PyObject *item; } Thing;

/* The object lies between guard words; its type is the first of two. */
enum { GUARDS = 8, WORDS = sizeof(Thing) / 8 };
static uint64_t memory[GUARDS + WORDS + GUARDS], before[GUARDS + WORDS + GUARDS];
#define thing ((Thing *)(memory + GUARDS))
void dealloc(PyObject *op), another_dealloc(PyObject *op);
void dealloc(PyObject *op) { (void)op; }
void another_dealloc(PyObject *op) { (void)op; }
static PyTypeObject first_type = { .tp_name = "first", .tp_dealloc = dealloc }, second_type = { .tp_name = "second" };

static char line[2048]; /* The line of the current operation. */
static size_t length;
static jmp_buf failed_assertion;
static int here;                    /* The source line of the operation. */
static uint64_t argument;           /* The number for an operation that needs one. */
static PyObject *place;             /* A variable that holds a reference. */
static int evaluations;             /* How often a macro evaluated its argument. */

static void note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    length += (size_t)vsnprintf(line + length, sizeof line - length, format, arguments);
    va_end(arguments);
    if (length >= sizeof line) {
        fprintf(stderr, "behave: a line is too long: %s\n", line);
        exit(2);
    }
}

/* The thread pointer on glibc's x86-64, which is CPython's thread id. */
static uint64_t me(void) { return WORD((uintptr_t)pthread_self()); }
#define SOMEBODY WORD(0x00007f0123456700)

/* A word as text; a known pointer by its name. */
static const char *named(uint64_t word)
{
    static char text[4][24];
    static int turn;
    char *out = text[turn++ % 4];
    if (word == (uintptr_t)thing) return "object";
    if (word == (uintptr_t)&first_type) return "first";
    if (word == (uintptr_t)&second_type) return "second";
    if (word == me()) return "me";
    if (word == SOMEBODY) return "somebody";
    return snprintf(out, sizeof text[0], "%llX", (unsigned long long)word), out;
}
static const char *pointer(const void *p) { return p == NULL ? "NULL" : named((uintptr_t)p); }

#include "behave_calls.h"

#define RESULT(...) note(" = " __VA_ARGS__)
#define ONCE(x) (evaluations++, (x))

#include "behave_operations.h"

/* ---- Start words ---- */

/* A count of one word is in `local`. The owner is 0: none, 1: this thread, 2: another thread. */
struct start { uint64_t owner, local, shared, flags; };
#ifdef Py_GIL_DISABLED
#define OWN(local, shared) { 1, WORD(local), WORD(shared), 0 }
#define OTHER(local, shared) { 2, WORD(local), WORD(shared), 0 }
#define NOBODY(local, shared) { 0, WORD(local), WORD(shared), 0 }
static const struct start listed[] = {
    OWN(0, 0), OWN(1, 0), OWN(2, 0), OWN(0x7FFFFFFF, 0), OWN(0x80000000, 0), OWN(0xFFFFFFFE, 0), OWN(0xFFFFFFFF, 0),
    OWN(1, 1), OWN(1, 2), OWN(1, 3), OWN(1, 0xD), OWN(0, 0xB), OWN(0, -4), OWN(0xFFFFFFFF, -4),
    OTHER(0, 0xB), OTHER(0, 3), OTHER(0, 4), OTHER(1, 0), OTHER(1, 1), OTHER(1, 2), OTHER(1, 4), OTHER(1, -3),
    OTHER(0xFFFFFFFE, 0), OTHER(0xFFFFFFFF, 0), OTHER(0, INT64_MAX), OTHER(0, INT64_MIN),
    NOBODY(0, 7), NOBODY(0, 0xB), NOBODY(0, 3), NOBODY(1, 0), NOBODY(0xFFFFFFFF, 0), NOBODY(0, -1),
};
#else
#define ONLY(word) { 0, WORD(word), 0, 0 }
static const struct start listed[] = {
    ONLY(0), ONLY(1), ONLY(2), ONLY(0x7FFFFFFF), ONLY(0x80000000), ONLY(0xBFFFFFFF),
    ONLY(0xC0000000), ONLY(0xFFEFFFFF), ONLY(0xFFF00000), ONLY(0xFFFFFFFE), ONLY(0xFFFFFFFF),
    ONLY(0x100000000), ONLY(0x100000001), ONLY(0x1FFFFFFFF), ONLY(0x50000C0000000),
    ONLY(0x1000080000000), ONLY(INT64_MAX), ONLY(INT64_MIN), ONLY(-1), ONLY(-5),
    ONLY(0xDDDDDDDDDDDDDDDD),
};
#endif

static uint64_t seed;
static uint64_t random_word(void) /* splitmix64 */
{
    uint64_t z = (seed += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

/* Half of the random words are near a listed word; the other half have a random number of bits. */
static struct start random_start(void)
{
    uint64_t choice = random_word(), step = random_word() % 9 - 4;
    struct start start = listed[choice % COUNT(listed)];
    start.owner = random_word() % 3;
    start.flags = random_word();
    if (choice >> 63) {
        start.local += step;
        start.shared += (choice >> 62 & 1) * (random_word() % 33 - 16);
    } else {
        start.local = random_word() >> random_word() % 64;
        start.shared = random_word() >> random_word() % 64;
    }
    return start;
}

/* Makes the object, and saves a copy of all memory. */
static void begin(struct start start)
{
    memset(memory, 0xA5, sizeof memory);
    memset(thing, 0, sizeof *thing);
    place = (PyObject *)thing;
#ifdef Py_GIL_DISABLED
    PyObject *op = place;
    op->ob_tid = (uintptr_t)(start.owner == 1 ? me() : start.owner == 2 ? SOMEBODY : 0);
    op->ob_ref_local = (uint32_t)start.local;
    op->ob_ref_shared = (Py_ssize_t)start.shared;
    memcpy((char *)op + sizeof op->ob_tid, &start.flags, 4); /* flags, lock, the collector's bits */
    note(" %s %X %llX:", named(op->ob_tid), op->ob_ref_local, (unsigned long long)op->ob_ref_shared);
#else
    memcpy((char *)thing + offsetof(PyObject, ob_refcnt), &start.local, sizeof start.local);
    note(" %llX:", (unsigned long long)start.local);
#if defined(Py_TRACE_REFS) && PY_MINOR_VERSION <= 12
    place->_ob_next = place->_ob_prev = (PyObject *)thing;
#endif
#endif
    place->ob_type = &first_type;
    thing->ob_base.ob_size = 3;
    thing->item = (PyObject *)0x1234;
    memcpy(before, memory, sizeof memory);
    calls_begin();
    evaluations = 0;
}

static void end(void)
{
    for (int i = 0; i < GUARDS + WORDS + GUARDS; i++) {
        if (memory[i] != before[i]) {
            note(" [%d] %s", i - GUARDS, named(memory[i]));
        }
    }
    calls_end();
    if (place != (PyObject *)thing) {
        note(" place %s", pointer(place));
    }
    if (evaluations != 1) {
        note(" evaluated %d times", evaluations);
    }
}

static void run(const struct operation *operation, struct start start)
{
    length = 0;
    note("%s", operation->name);
    begin(start);
    if (setjmp(failed_assertion) == 0) {
        operation->run();
    } else {
        note(" assertion");
    }
    end();
}

int main(int count, char **word)
{
    uint64_t first_seed = count > 2 ? strtoull(word[1], NULL, 0) : 1;
    int wanted = count > 2 ? atoi(word[2]) : 0, digest = count > 3;
    for (size_t i = 0; i < COUNT(operations); i++) {
        const struct operation *operation = &operations[i];
        int random_words = operation->starts == ANY ? wanted : 0, words = operation->starts == FIXED ? 1 : COUNT(listed);
        uint64_t sum = 0xCBF29CE484222325; /* FNV-1a */
        seed = first_seed;
        for (int j = 0; j < words + random_words; j++) {
            argument = j < words ? 7 : random_word() >> random_word() % 64;
            run(operation, j < words ? listed[operation->starts == FIXED ? 1 : j] : random_start());
            if (!digest || (j < words && operation->in_full)) {
                printf("%s\n", line);
            }
            for (const char *c = line; *c; c++) {
                sum = (sum ^ (unsigned char)*c) * 0x100000001B3;
            }
        }
        if (digest && operation->starts != FIXED) {
            printf("%s digest %016llx\n", operation->name, (unsigned long long)sum);
        }
    }
    return 0;
}
