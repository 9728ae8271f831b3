/* An array of kept objects, and a walk over the live table that counts the kept objects that it meets. */
#ifndef KEPT_H
#define KEPT_H

#include "testing.h"
#include "things.h"

enum { MANY = 500 };
static PyObject *kept[MANY];

static void keep(int from, int to)
{
    for (int i = from; i < to; i++) {
        kept[i] = i % 5 == 4 ? (PyObject *)new_box(NULL) : (PyObject *)new_thing(i);
    }
}
static void drop(int from, int to)
{
    for (int i = from; i < to; i++) {
        Py_CLEAR(kept[i]);
    }
}

typedef struct {
    PyObject *last;
    int seen, until, known;
} Walk;
static int step(PyObject *op, void *arg)
{
    Walk *walk = arg;
    CHECK(op > walk->last);
    walk->last = op;
    for (int i = 0; i < MANY; i++) {
        walk->known += kept[i] == op;
    }
    return ++walk->seen == walk->until;
}

#endif
