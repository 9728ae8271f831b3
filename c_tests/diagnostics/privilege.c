/* A set-user-id program ignores the settings in its user's environment. Without root the tests are skipped. */
#include "testing.h"
#include "things.h"
#include <fcntl.h>
#include <grp.h>
#include <sys/auxv.h>
#include <sys/stat.h>

static char folder[] = "/tmp/pyrefcore-privilege-XXXXXX";
static char program[64], victim[64], own[64];
static const char *report;

#define NOBODY 65534
#define WORTH "root's own\n"
#define ORDINARY "secure 0\n"
#define SECURE "secure 1\n"

static void start_as_user(void)
{
    setenv("PYREFCORE_REPORT", report, 1);
    setenv("PYREFCORE", "live,lively", 1);
    assert(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    execl(program, "privilege", "anew", (char *)NULL);
    _exit(127);
}
static int is_untouched(void)
{
    char text[100] = "";
    struct stat data;
    int descriptor = open(victim, O_RDONLY);
    ssize_t n = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    return n == sizeof WORTH - 1 && strcmp(text, WORTH) == 0 && stat(victim, &data) == 0 && (data.st_mode & 0777) == 0600;
}
/* Whether the child wrote its own line `kind` and also something else. */
static int says(const char *kind) { return strstr(testing_heard, kind) != NULL && strcmp(testing_heard, kind) != 0; }

/* Without the set-user-id bit the program obeys the settings, with its user's rights. */
static void ordinary(void)
{
    assert(chmod(program, 0755) == 0);
    report = victim;
    CHECK(hear(start_as_user) == 0 && says(ORDINARY) && strstr(testing_heard, "Permission denied") && is_untouched());
    report = "stderr";
    CHECK(hear(start_as_user) == 0 && says(ORDINARY) && strstr(testing_heard, "born"));
}

static void set_user_id(void)
{
    assert(chmod(program, 04755) == 0);
    const char *const reports[] = { victim, own, "stderr" };
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        report = reports[i];
        int status = hear(start_as_user);
        if (strstr(testing_heard, ORDINARY)) {
            printf("skipped: set-user-id programs have no rights in /tmp here\n");
            return;
        }
        CHECK(status == 0 && strcmp(testing_heard, SECURE) == 0 && is_untouched() && access(own, F_OK) != 0);
    }
}

static void copy_this_program(void)
{
    /* By its path: under valgrind readlink gives the program, but a copy of /proc/self/exe is a copy of valgrind. */
    char self[4096] = "", command[5000];
    assert(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    snprintf(command, sizeof command, "cp '%s' %s", self, program);
    assert(system(command) == 0);
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "anew") == 0) {
        Py_DECREF(new_thing(1));
        return fprintf(stderr, "secure %lu\n", getauxval(AT_SECURE)) < 0;
    }
    if (geteuid() != 0) {
        printf("skipped: only root can make a set-user-id program\n");
        return summary();
    }
    assert(mkdtemp(folder) && chmod(folder, 0755) == 0);
    snprintf(program, sizeof program, "%s/program", folder);
    snprintf(victim, sizeof victim, "%s/victim", folder);
    snprintf(own, sizeof own, "%s/own", folder);
    copy_this_program();
    int descriptor = open(victim, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert(write(descriptor, WORTH, sizeof WORTH - 1) == sizeof WORTH - 1 && close(descriptor) == 0);
    RUN(ordinary);
    RUN(set_user_id);
    unlink(program), unlink(victim), unlink(own);
    CHECK(rmdir(folder) == 0);
    return summary();
}
