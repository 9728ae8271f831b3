/* Memory outside the C heap: blocks of one large mapping, which are never freed. */

#include <string.h>
#include <sys/mman.h>

#define POOL ((size_t)1 << 32)
static char *pool, *next;

static int is_elsewhere(const void *block) {
    return pool && (const char *)block >= pool && (const char *)block < pool + POOL;
}

/* A block starts at a multiple of 16, and has its length in front. */
static void *take(size_t bytes) {
    if (!pool) {
        pool = mmap(NULL, POOL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (pool == MAP_FAILED) return pool = NULL;
        next = pool;
    }
    if (bytes > POOL / 2) return NULL;
    size_t whole = (bytes + 31) & ~(size_t)15;
    char *block = __atomic_fetch_add(&next, whole, __ATOMIC_RELAXED);
    if (block + whole > pool + POOL) return NULL;
    *(size_t *)block = bytes;
    return block + 16;
}

static void *copy(const void *block, size_t bytes) {
    void *new = take(bytes);
    if (new && block) {
        size_t old = *(size_t *)((char *)block - 16);
        memcpy(new, block, old < bytes ? old : bytes);
    }
    return new;
}
