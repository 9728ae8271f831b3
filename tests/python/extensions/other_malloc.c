/* A malloc that replaces glibc's when it is preloaded. */

#include <errno.h>
#include <stddef.h>

#include "elsewhere.h"

void *malloc(size_t bytes) { return take(bytes); }
void *calloc(size_t count, size_t bytes) { return take(count * bytes); }
void *realloc(void *block, size_t bytes) { return copy(block, bytes); }
void free(void *block) {}

void *aligned_alloc(size_t alignment, size_t bytes) {
    char *block = take(bytes + alignment);
    size_t rest = (size_t)block & (alignment - 1);
    if (!block || !rest) return block;
    block += alignment - rest;
    ((size_t *)block)[-2] = bytes;
    return block;
}

void *memalign(size_t alignment, size_t bytes) { return aligned_alloc(alignment, bytes); }

int posix_memalign(void **block, size_t alignment, size_t bytes) {
    *block = aligned_alloc(alignment, bytes);
    return *block ? 0 : ENOMEM;
}
