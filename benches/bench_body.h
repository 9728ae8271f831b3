/* A loop, as the drivers see it. The kinds are t (timed, and instructions counted), f (an exported function,
 * instructions counted) and i (an inline function, instructions counted). `objects` is the number of objects in one
 * turn. The name of a row starts with the measured functions, joined by " + ", then has a comma and the case. A row is
 * left out if the function that it needs is not exported. */
typedef struct {
    const char *name;
    void (*run)(long turns);
    long objects;
    char kind;
    const void *needs;
} Body;
