/* A one-page test framework: a program's main() is a list of RUN(function) and then `return summary();`. CHECK
 * and EQUAL record a failure and go on. Assertions are on in every program, even with -DNDEBUG. */
#ifndef TESTING_H
#define TESTING_H
#define _GNU_SOURCE 1
#undef NDEBUG
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct { const char *name; int passed, failed, wrong; long long total; } testing;
static char testing_heard[1 << 16]; /* What the last misuse wrote to standard error. */

#define RUN(function) (testing_begin(#function), (function)(), testing_end())
#define CHECK(truth) testing_check((truth) ? 1 : 0, __LINE__, #truth)
#define EQUAL(is, should_be) testing_equal((long long)(is), (long long)(should_be), __LINE__, #is " == " #should_be)

/* The contents of a file, or "" if there is no file. The next call overwrites the result. */
static inline const char *testing_contents(const char *path)
{
    static char contents[4000];
    FILE *stream = fopen(path, "r");
    size_t n = stream ? fread(contents, 1, sizeof contents - 1, stream) : 0;
    contents[n] = 0;
    if (stream) {
        fclose(stream);
    }
    return contents;
}
static inline void testing_begin(const char *name) { testing.name = name; testing.wrong = 0; }
static inline void testing_end(void) { testing.wrong ? testing.failed++ : testing.passed++; }
static inline int testing_check(int truth, int line, const char *what)
{
    if (!truth) {
        testing.wrong++;
        printf("FAILED %s, line %d: %s\n", testing.name, line, what);
        fflush(stdout);
    }
    return truth;
}
static inline int testing_equal(long long is, long long should_be, int line, const char *what)
{
    return testing_check(is == should_be, line, what) || (printf("    it is %lld (%#llx)\n", is, (unsigned long long)is), 0);
}
static inline int summary(void) { return printf("%d passed, %d failed\n", testing.passed, testing.failed), testing.failed != 0; }

/* Runs `misuse` in a child, keeps what it writes to standard error in testing_heard, and returns its wait
 * status. A child that hangs is killed. */
static inline int hear(void (*misuse)(void))
{
    int ends[2], status = -1;
    size_t length = 0;
    assert(fflush(NULL) == 0 && pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        alarm(20);
        dup2(ends[1], STDERR_FILENO);
        misuse();
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t n; (n = read(ends[0], testing_heard + length, sizeof testing_heard - 1 - length)) > 0; length += (size_t)n) {}
    testing_heard[length] = 0;
    close(ends[0]);
    assert(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

/* A case that needs no RUN: the child must die by `signal` (0: exit with status 0). Its standard error must
 * contain each of the texts. ONE_LINE among them asks for exactly one line. */
#define ONE_LINE ""
#define expect_death(name, signal, misuse, ...) \
    testing_expect(__LINE__, name, signal, misuse, (const char *const[]){ __VA_ARGS__, NULL })
static inline void testing_expect(int line, const char *name, int wanted, void (*misuse)(void), const char *const *text)
{
    testing_begin(name);
    int status = hear(misuse), got = WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
    testing_equal(got, wanted, line, "the signal (or minus the exit status) is right");
    for (; *text != NULL && !testing.wrong; text++) {
        const char *end = strchr(testing_heard, '\n');
        testing_check(**text ? strstr(testing_heard, *text) != NULL : end && !end[1], line, *text);
    }
    testing.wrong ? printf("    it said: %s\n", testing_heard) : 0;
    testing_end();
}
#endif
