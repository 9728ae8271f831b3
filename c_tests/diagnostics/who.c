/* A program without Python: there is no extension to trace, and each step says so. */
#include "testing.h"
#include <pyrefcore.h>

static int visited;

static int visit(const pyrefcore_frame *frame, void *arg)
{
    (void)frame, (void)arg;
    visited++;
    return 0;
}

static void refuses(void)
{
    pyrefcore_culprit found[4];
    PyObject *object = NULL;
    const char *why_not = pyrefcore_who_open();
    CHECK(why_not != NULL && strncmp(why_not, "the function was not named, because ", 36) == 0);
    CHECK(pyrefcore_who_begin() != NULL);
    CHECK(pyrefcore_who_end() != NULL);
    CHECK(pyrefcore_who_watch(&object, 1) != NULL);
    CHECK(pyrefcore_who_judge(0, 1, 0, found, 4) == 0);
    CHECK(pyrefcore_who_frames(0, visit, NULL) == 0 && visited == 0);
    pyrefcore_who_close();
    pyrefcore_who_close();

    /* Nothing of it is left. */
    struct sigaction now;
    CHECK(sigaction(SIGTRAP, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
}

int main(void)
{
    RUN(refuses);
    return summary();
}
