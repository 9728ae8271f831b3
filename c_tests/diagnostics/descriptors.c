/* Where a report goes: changed descriptors, pipes without a reader, and files that are replaced as a whole or not. */
#include "testing.h"
#include "things.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static char folder[] = "/tmp/pyrefcore-descriptors-XXXXXX";
static char file[64], pipe_file[64];
static char program[4096];

#define SUMMARY "\n  born             1\n  died             1\n  alive            0"
#define OLD "an old report\n"

static void write_old(void)
{
    FILE *stream = fopen(file, "w");
    assert(stream && fputs(OLD, stream) >= 0 && fclose(stream) == 0);
}
/* Deletes the test's files. Whether the folder held no others. */
static int is_tidy(void)
{
    int is_empty = (unlink(file), unlink(pipe_file), rmdir(folder)) == 0;
    return is_empty && mkdir(folder, 0700) == 0;
}

/* What the program may do when it is executed again. */
static void open_all(void)
{
    while (dup(0) >= 0) {}
}
static void put_file_at_2(void)
{
    close(2);
    assert(open(file, O_RDWR) == 2);
}
static void close_kept(void)
{
    for (int i = 3; i < 1100; i++) {
        close(i);
    }
}
static void close_all(void)
{
    close_kept();
    put_file_at_2();
}
static void fork_on(void)
{
    if (fork() == 0) {
        close(2);
        alarm(5);
        pause();
    }
}
static const struct { const char *name; void (*action)(void); } actions[] = {
    { "open_all", open_all }, { "put_file_at_2", put_file_at_2 }, { "close_kept", close_kept }, { "close_all", close_all },
    { "fork_on", fork_on },
};
static int anew(const char *wanted)
{
    Py_DECREF(new_thing(1));
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(wanted, actions[i].name) == 0) {
            actions[i].action();
        }
    }
    return 0;
}

static const char *target, *action = "", *limit;
static void start_anew(void)
{
    setenv("PYREFCORE_REPORT", target, 1);
    limit ? setenv("DESCRIPTORS", limit, 1) : unsetenv("DESCRIPTORS");
    for (int i = 3; i < 20; i++) {
        close(i);
    }
    execl(program, "descriptors", "anew", action, file, (char *)NULL);
}
/* Runs after the loader has opened all libraries and before any initialiser. getenv does not work yet. */
static void set_limit(int count, char **arguments, char **environment)
{
    (void)count, (void)arguments;
    for (; *environment; environment++) {
        if (strncmp(*environment, "DESCRIPTORS=", 12) == 0) {
            rlim_t most = (rlim_t)atoi(*environment + 12);
            setrlimit(RLIMIT_NOFILE, &(struct rlimit){ most, most });
        }
    }
}
__attribute__((section(".preinit_array"), used)) static void (*before_all)(int, char **, char **) = set_limit;

static int says_summary(void) { return strncmp(testing_heard, "pyrefcore ", 10) == 0 && strstr(testing_heard, SUMMARY) != NULL; }

/* A report on "stderr" goes to the file that was standard error at the start of the process. */
static void first_standard_error(void)
{
    target = "stderr";
    write_old();
    action = "put_file_at_2";
    CHECK(hear(start_anew) == 0 && says_summary() && strcmp(testing_contents(file), OLD) == 0);
    action = "close_kept";
    CHECK(hear(start_anew) == 0 && says_summary());
    action = "close_all";
    CHECK(hear(start_anew) == 0 && *testing_heard == 0 && strcmp(testing_contents(file), OLD) == 0);
    /* A child that outlives the program does not keep the pipe open. */
    action = "fork_on";
    alarm(4);
    CHECK(hear(start_anew) == 0 && says_summary());
    alarm(0);
    action = "";
    CHECK(is_tidy());
}

static void no_descriptor(void)
{
    target = "stderr";
    limit = "3";
    CHECK(hear(start_anew) == 0);
    CHECK(strncmp(testing_heard, "pyrefcore: PYREFCORE_REPORT=stderr: Too many open files", 55) == 0);
    target = file;
    limit = "4";
    write_old();
    CHECK(hear(start_anew) == 0 && strstr(testing_heard, "Too many open files") && strcmp(testing_contents(file), OLD) == 0);
    limit = "40";
    target = "stderr";
    CHECK(hear(start_anew) == 0 && says_summary());
    target = file;
    action = "open_all";
    CHECK(hear(start_anew) == 0 && strstr(testing_heard, "Too many open files") && *testing_contents(file) == 0);
    limit = NULL;
    action = "";
    CHECK(is_tidy());
}

static void pipes(void)
{
    assert(mkfifo(pipe_file, 0600) == 0);
    target = pipe_file;
    CHECK(hear(start_anew) == 0 && strstr(testing_heard, "No such device or address") != NULL);
    int reader = open(pipe_file, O_RDONLY | O_NONBLOCK);
    CHECK(hear(start_anew) == 0 && *testing_heard == 0);
    char written[4000] = "";
    CHECK(read(reader, written, sizeof written - 1) > 0);
    CHECK(strstr(written, SUMMARY) != NULL);
    close(reader);
    CHECK(is_tidy());
}

static void output_is_kept(void)
{
    target = "/dev/stdout";
    write_old();
    int was = dup(1), to = open(file, O_WRONLY | O_APPEND);
    assert(fflush(stdout) == 0 && dup2(to, 1) == 1 && close(to) == 0);
    int status = hear(start_anew);
    assert(dup2(was, 1) == 1 && close(was) == 0);
    const char *now = testing_contents(file);
    CHECK(status == 0 && strncmp(now, OLD, sizeof OLD - 1) == 0 && strstr(now, SUMMARY) != NULL);
    CHECK(is_tidy());
}

/* The process dies, or the disc is full, when a report is half written. */
static void die_half_way(void)
{
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 20, 20 });
    pyrefcore_report(file);
}
static void find_it_full(void)
{
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 20, 20 });
    assert(pyrefcore_report(file) == -1 && errno == EFBIG);
}
static void old_report_stays(void)
{
    write_old();
    int status = hear(find_it_full);
    CHECK(status == 0 && strcmp(testing_contents(file), OLD) == 0);
    CHECK(is_tidy());
    write_old();
    status = hear(die_half_way);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ && strcmp(testing_contents(file), OLD) == 0);
    char left[100];
    snprintf(left, sizeof left, "rm -f %s/.pyrefcore-*", folder);
    CHECK(system(left) == 0 && is_tidy());
}

static void put_full_at_2(void)
{
    assert(dup2(open("/dev/full", O_WRONLY), 2) == 2);
    _exit(pyrefcore_report(NULL) == -1 && errno == ENOSPC ? 0 : 1);
}
static void refusals(void)
{
    CHECK(pyrefcore_report("") == -1 && errno == ENOENT);
    CHECK(pyrefcore_report("/dev/full") == -1 && errno == ENOSPC);
    CHECK(pyrefcore_report("/dev/null") == 0);
    CHECK(hear(put_full_at_2) == 0);
    assert(mkfifo(pipe_file, 0600) == 0);
    CHECK(pyrefcore_report(pipe_file) == -1 && errno == ENXIO);
    CHECK(is_tidy());
}

int main(int count, char **arguments)
{
    if (count == 4 && strcmp(arguments[1], "anew") == 0) {
        snprintf(file, sizeof file, "%s", arguments[3]);
        return anew(arguments[2]);
    }
    assert(readlink("/proc/self/exe", program, sizeof program - 1) > 0 && mkdtemp(folder));
    snprintf(file, sizeof file, "%s/report", folder);
    snprintf(pipe_file, sizeof pipe_file, "%s/pipe", folder);
    unsetenv("PYREFCORE");
    RUN(first_standard_error);
#ifndef __SANITIZE_ADDRESS__ /* LeakSanitizer also needs descriptors. */
    RUN(no_descriptor);
#else
    (void)no_descriptor;
#endif
    RUN(pipes);
    RUN(output_is_kept);
    RUN(old_report_stays);
    RUN(refusals);
    rmdir(folder);
    return summary();
}
