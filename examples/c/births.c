/* Counts births and deaths with a watcher, and asks what is alive since a mark.
 *
 * Expected output:
 *
 *     before: 0 births, 0 deaths
 *     made:   3 births, 0 deaths, 3 alive
 *     marked: 0 alive since the mark
 *     shared: 4 births, 1 death, 3 alive, 1 of them since the mark
 *     ended:  4 births, 4 deaths, 0 alive
 */
#include <pyrefcore.h>

static PyTypeObject Thing_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "Thing",
    .tp_basicsize = sizeof(PyObject),
    .tp_dealloc = (destructor)PyObject_Free,
};

static PyObject *new_thing(void) { return PyObject_New(PyObject, &Thing_Type); }

static void show(const char *when)
{
    unsigned births = (unsigned)pyrefcore_births(), deaths = (unsigned)pyrefcore_deaths();
    printf("%-7s %u birth%s, %u death%s", when, births, births == 1 ? "" : "s", deaths, deaths == 1 ? "" : "s");
}

int main(void)
{
    PyObject *things[3];
    pyrefcore_watch(PYREFCORE_COUNT | PYREFCORE_LIVE);
    show("before:");
    for (int i = 0; i < 3; i++) {
        things[i] = new_thing();
    }
    puts("");
    show("made:");
    printf(", %td alive\n", pyrefcore_live_count(0));

    uint64_t mark = pyrefcore_mark();
    printf("marked: %td alive since the mark\n", pyrefcore_live_count(mark));

    Py_INCREF(things[0]); /* A reference more is no birth, */
    Py_DECREF(things[0]); /* and one of two references less is no death. */
    Py_SETREF(things[1], new_thing());
    show("shared:");
    printf(", %td alive, %td of them since the mark\n", pyrefcore_live_count(0), pyrefcore_live_count(mark));

    for (int i = 0; i < 3; i++) {
        Py_CLEAR(things[i]);
    }
    show("ended:");
    printf(", %td alive\n", pyrefcore_live_count(0));
    pyrefcore_unwatch(PYREFCORE_COUNT | PYREFCORE_LIVE);
    return 0;
}
