/* What is traced now, and the stack on which a block was allocated. */
#ifndef TRACED_H
#define TRACED_H

#include "testing.h"
#include "things.h"

#define HERE __attribute__((noinline))

static size_t current(void)
{
    size_t now = 77, peak = 77;
    pyrefcore_traced_memory(&now, &peak);
    CHECK(peak >= now);
    return now;
}
static size_t peak(void)
{
    size_t most = 77;
    pyrefcore_traced_memory(NULL, &most);
    return most;
}

/* Where a block was allocated: the functions, innermost first. */
static char functions[1000];
static unsigned int first_line;
static int hear_frame(const pyrefcore_frame *frame, void *arg)
{
    CHECK(frame->address != 0 && frame->library != NULL && frame->offset != 0);
    if (*functions == 0) {
        first_line = frame->line;
        CHECK(frame->file != NULL && strstr(frame->file, strrchr(__BASE_FILE__, '/') + 1) != NULL);
    }
    strcat(strcat(functions, frame->function ? frame->function : "?"), " ");
    return --*(int *)arg == 0;
}
static int stack_of(unsigned int domain, void *block)
{
    int most = 3;
    functions[0] = 0;
    return pyrefcore_block_stack(domain, (size_t)block, hear_frame, &most);
}
static int born_in(const char *function)
{
    return CHECK(strncmp(functions, function, strlen(function)) == 0) || (printf("    %s\n", functions), 0);
}

#endif
