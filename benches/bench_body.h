/* What the drivers see. The kinds are t (timed, and instructions are counted), f (an exported function, instructions)
 * and i (an inline one). A turn works on so many objects. The name of a row starts with the functions that it is
 * about, joined by " + ", and goes on with a comma and the case. It is left out where the function that it needs is
 * not exported. */
typedef struct {
    const char *name;
    void (*run)(long turns);
    long objects;
    char kind;
    const void *needs;
} Body;
