/* The summary: on request, and at the exit of a linked program if PYREFCORE_REPORT is set. */
#include "testing.h"
#include "things.h"
#include <errno.h>

static char file[] = "/tmp/pyrefcore-report-XXXXXX";

static void to_stderr(void) { CHECK(pyrefcore_report(NULL) == 0); }
static void first_line(void)
{
    hear(to_stderr);
    CHECK(strncmp(testing_heard, "pyrefcore ", 10) == 0);
    CHECK(strstr(testing_heard, " (" PYREFCORE_FLAVOUR ")\n") != NULL);
    CHECK(strstr(testing_heard, "born") == NULL && (strstr(testing_heard, "alive") != NULL) == IS_DEBUG);
    CHECK(strcmp(pyrefcore_flavour(), PYREFCORE_FLAVOUR) == 0);
}

static void contents(void)
{
    pyrefcore_watch(PYREFCORE_LIVE | PYREFCORE_COUNT);
    Thing *things[] = { new_thing(1), new_thing(2), new_thing(3) };
    Box *box = new_box((PyObject *)things[2]);
    Py_DECREF(things[1]);
    CHECK(pyrefcore_report(file) == 0);
    CHECK(strstr(testing_contents(file), "\n  born             4\n  died             1\n  alive            3, by type:\n"
                              "                   2  Thing\n                   1  Box\n") != NULL);
    hear(to_stderr);
    CHECK(strcmp(testing_heard, testing_contents(file)) == 0);
    Py_DECREF(box);
    Py_DECREF(things[0]);
}

static void unwritable(void)
{
    errno = 0;
    CHECK(pyrefcore_report("/nonexistent/report") == -1 && errno == ENOENT);
    errno = 0;
    CHECK(pyrefcore_report("/") == -1 && errno == EISDIR);
}

/* What the program does when start_anew executes it. */
static int forget_two(void)
{
    new_thing(1);
    new_thing(2);
    Py_DECREF(new_thing(3));
    assert(chdir("/") == 0);
    if (fork() == 0) {
        new_box(NULL);
        exit(0);
    }
    wait(NULL);
    return 0;
}
static const char *wanted, *target;
static char program[4096]; /* The path: under valgrind, executing /proc/self/exe itself would start valgrind. */
static void start_anew(void)
{
    target ? setenv("PYREFCORE_REPORT", target, 1) : unsetenv("PYREFCORE_REPORT");
    wanted ? setenv("PYREFCORE", wanted, 1) : unsetenv("PYREFCORE");
    assert(chdir("/tmp") == 0);
    execl(program, "report", "anew", (char *)NULL);
}
#define SUMMARY \
    "\n  born             3\n  died             1\n  alive            2, by type:\n                   2  Thing\n"

static void silent(void)
{
    CHECK(hear(start_anew) == 0 && *testing_heard == 0);
    target = wanted = "";
    CHECK(hear(start_anew) == 0 && *testing_heard == 0);
    wanted = NULL;
}
/* A forked child of a process that reports does not report. */
static void once(void)
{
    CHECK(hear(start_anew) == 0 && strncmp(testing_heard, "pyrefcore ", 10) == 0);
    CHECK(strstr(testing_heard, SUMMARY) != NULL && strstr(testing_heard + 1, "pyrefcore ") == NULL);
}
static void to_file(void)
{
    const char *const names[] = { file, strrchr(file, '/') + 1 };
    for (int i = 0; i < 2; i++) {
        wanted = NULL;
        target = names[i];
        unlink(file);
        CHECK(hear(start_anew) == 0 && *testing_heard == 0 && strstr(testing_contents(file), SUMMARY) != NULL);
    }
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "anew") == 0) {
        return forget_two();
    }
    assert(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    int descriptor = mkstemp(file);
    assert(descriptor >= 0 && close(descriptor) == 0);
    RUN(first_line);
    RUN(contents);
    RUN(unwritable);

    RUN(silent);
    target = "stderr";
    RUN(once);
    wanted = "trace,live";
    expect_death("with births", 0, start_anew, SUMMARY, "of them born at\n", "forget_two at ");
    RUN(to_file);
    target = "/nonexistent/report";
    expect_death("to what can't be written", 0, start_anew, ONE_LINE, "pyrefcore: PYREFCORE_REPORT=/nonexistent/report: ");
    target = "";
    wanted = "live,lively";
    expect_death("an unknown word", 0, start_anew, ONE_LINE, "pyrefcore: PYREFCORE=lively: unknown; the known words are ");
    unlink(file);
    return summary();
}
