/* Named cases over one page of helper. A program is a main() of RUN(function) lines and `return summary();`.
 * CHECK notes what is false and goes on. Assertions are on in every program, whatever the flags say. */
#ifndef TESTING_H
#define TESTING_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#undef NDEBUG
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct { const char *name; int passed, failed, wrong; } testing;
static char testing_heard[1 << 16]; /* What the last misuse wrote to standard error. */

/* The case `function` passes when no CHECK in it fails. */
#define RUN(function) (testing_begin(#function), (function)(), testing_end())
#define CHECK(truth) testing_check((truth) ? 1 : 0, __LINE__, #truth)
#define EQUAL(actual, expected) \
    testing_equal((long long)(actual), (long long)(expected), __LINE__, #actual " == " #expected)

static inline void testing_begin(const char *name) { testing.name = name; testing.wrong = 0; }
static inline void testing_end(void)
{
    testing.wrong ? testing.failed++ : testing.passed++;
}
static inline int testing_check(int truth, int line, const char *what)
{
    if (!truth) {
        testing.wrong++;
        printf("FAILED %s, line %d: %s\n", testing.name, line, what);
        fflush(stdout);
    }
    return truth;
}
static inline int testing_equal(long long actual, long long expected, int line, const char *what)
{
    if (!testing_check(actual == expected, line, what)) {
        printf("    it is %lld (%#llx), not %lld\n", actual, (unsigned long long)actual, expected);
    }
    return actual == expected;
}
static inline int summary(void)
{
    printf("%d passed, %d failed\n", testing.passed, testing.failed);
    return testing.failed != 0;
}

/* Runs `misuse` in a child, keeps what it writes to standard error in testing_heard, and returns its wait
 * status. A child that hangs is killed. */
static inline int hear(void (*misuse)(void))
{
    int ends[2], status = -1;
    size_t length = 0;
    fflush(NULL);
    assert(pipe(ends) == 0);
    pid_t child = fork();
    assert(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        alarm(20);
        dup2(ends[1], STDERR_FILENO);
        misuse();
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t n; (n = read(ends[0], testing_heard + length, sizeof testing_heard - 1 - length)) > 0;) {
        length += (size_t)n;
    }
    testing_heard[length] = 0;
    close(ends[0]);
    assert(waitpid(child, &status, 0) == child);
    return status;
}

/* A case of its own: the child must die by `signal` (0: exit with status 0), and what it wrote to standard
 * error must hold each of the texts that follow; ONE_LINE among them says that it is a single line. */
#define ONE_LINE ""
#define expect_death(name, signal, misuse, ...) \
    testing_expect(__LINE__, name, signal, misuse, (const char *const[]){ __VA_ARGS__, NULL })
static inline void testing_expect(int line, const char *name, int wanted, void (*misuse)(void),
                                  const char *const *text)
{
    testing_begin(name);
    int status = hear(misuse), got = WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
    testing_equal(got, wanted, line, "the signal (or minus the exit status) is right");
    for (; *text != NULL && !testing.wrong; text++) {
        const char *end = strchr(testing_heard, '\n');
        testing_check(**text ? strstr(testing_heard, *text) != NULL : end && !end[1], line, *text);
    }
    if (testing.wrong) {
        printf("    it said: %s\n", testing_heard);
    }
    testing_end();
}

#endif
