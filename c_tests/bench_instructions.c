/* Runs each loop of a bench_bodies object inside `measured`, 1000 and 2000 turns, for callgrind to count:
 *
 *   valgrind --tool=callgrind --toggle-collect=measured --dump-after=measured ... bench_instructions OBJECT
 *
 * Prints kind, objects in a turn and name of each, in the order of the dumps: two dumps each. */

#include <dlfcn.h>
#include <stdio.h>

typedef struct {
    const char *name;
    void (*run)(long turns);
    long objects;
    char kind;
} Body;

__attribute__((noinline)) void measured(void (*run)(long), long turns);
void measured(void (*run)(long), long turns)
{
    run(turns);
    __asm__ volatile("");
}

int main(int argc, char **argv)
{
    void *object = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!object) {
        fprintf(stderr, "bench_instructions: %s\n", argc == 2 ? dlerror() : "usage: bench_instructions OBJECT");
        return 2;
    }
    const Body *bodies = dlsym(object, "bench_bodies");
    void (*start)(void) = (void (*)(void))dlsym(object, "bench_start");
    if (!bodies || !start) {
        fprintf(stderr, "bench_instructions: %s has no loops\n", argv[1]);
        return 2;
    }
    start();
    for (; bodies->name; bodies++) {
        /* The first turn binds what is bound late. */
        bodies->run(1);
        measured(bodies->run, 1000);
        measured(bodies->run, 2000);
        printf("%c\t%ld\t%s\n", bodies->kind, bodies->objects, bodies->name);
    }
    return 0;
}
