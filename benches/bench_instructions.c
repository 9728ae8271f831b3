/* Runs each loop of an object of the bench_*.c files inside `measured`, with 1000 and then 2000 turns. callgrind counts
 * the instructions:
 *
 *   valgrind --tool=callgrind --toggle-collect=measured --dump-after=measured ... bench_instructions OBJECT
 *
 * Prints the kind, the objects of a turn and the name of each loop, in the order of the dumps. Each loop has two dumps.
 * The first line is the file of the library that the loops call. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

#include "bench_body.h"

__attribute__((noinline)) void measured(void (*run)(long), long turns);
void measured(void (*run)(long), long turns)
{
    run(turns);
    __asm__ volatile("");
}

int main(int argc, char **argv)
{
    static const char *const tables[] = {"bench_bodies", "bench_functions", "bench_inlines"};
    void *object = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!object) {
        fprintf(stderr, "bench_instructions: %s\n", argc == 2 ? dlerror() : "usage: bench_instructions OBJECT");
        return 2;
    }
    void (*start)(void) = (void (*)(void))dlsym(object, "bench_start");
    const void *(*library)(void) = (const void *(*)(void))dlsym(object, "bench_library");
    Dl_info info;
    if (!start || !library || !dladdr(library(), &info)) {
        fprintf(stderr, "bench_instructions: %s has no loops\n", argv[1]);
        return 2;
    }
    printf("library\t1\t%s\n", info.dli_fname);
    start();
    for (int i = 0; i < 3; i++) {
        const Body *body = dlsym(object, tables[i]);
        if (!body) {
            fprintf(stderr, "bench_instructions: %s has no %s\n", argv[1], tables[i]);
            return 2;
        }
        for (; body->name; body++) {
            if (body->kind == 'f' && !body->needs) {
                continue;
            }
            /* The first turn does the lazy binding. */
            body->run(1);
            measured(body->run, 1000);
            measured(body->run, 2000);
            printf("%c\t%ld\t%s\n", body->kind, body->objects, body->name);
            /* After a crash the last line names the loop before it. */
            fflush(stdout);
        }
    }
    return 0;
}
