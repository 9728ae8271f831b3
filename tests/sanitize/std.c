/* Reports the synchronisation inside Rust's std to ThreadSanitizer. std is shipped compiled, without instrumentation.
 * Its inline and generic functions are compiled with our code, so ThreadSanitizer sees them. Four functions that order
 * memory are neither inline nor generic: those that lock a contended Mutex or RwLock, and Once::call. std.py links the
 * wrappers below around these. A test fails if the library calls another one. Programs linked with the shared library
 * have none of these functions, so the references are weak. */
#include <string.h>

void __tsan_acquire(void *);
void __tsan_release(void *);

/* rustc's LLVM calls these functions, which older runtimes lack. They call the C library's, which the runtime wraps. */
#define WEAK __attribute__((weak))
WEAK void *__tsan_memcpy(void *to, const void *from, size_t size) { return memcpy(to, from, size); }
WEAK void *__tsan_memmove(void *to, const void *from, size_t size) { return memmove(to, from, size); }
WEAK void *__tsan_memset(void *to, int byte, size_t size) { return memset(to, byte, size); }

/* Mutex::lock_contended(&self) and RwLock's two functions: after the call the thread holds the lock. The unlock is
 * inlined. */
#define LOCKS(real, wrap) \
    WEAK void real(void *lock); \
    void wrap(void *lock) \
    { \
        real(lock); \
        __tsan_acquire(lock); \
    }
LOCKS(REAL_LOCK, WRAP_LOCK)
LOCKS(REAL_READ, WRAP_READ)
LOCKS(REAL_WRITE, WRAP_WRITE)

/* Once::call(&self, bool, &mut dyn FnMut(&OnceState)): the closure returns just before other threads see that `once` is
 * done, so the release must follow that return. A closure is a data pointer and a vtable; call_mut is the vtable's
 * fifth word. */
enum { CALL_MUT = 4, WORDS };
typedef struct { void *once, *data, **vtable; } Closure;

static void call_mut(void *self, void *state)
{
    Closure *closure = self;
    ((void (*)(void *, void *))closure->vtable[CALL_MUT])(closure->data, state);
    __tsan_release(closure->once);
}

WEAK void REAL_ONCE(void *once, _Bool ignore_poisoning, void *data, void **vtable, void *location);
void WRAP_ONCE(void *once, _Bool ignore_poisoning, void *data, void **vtable, void *location)
{
    Closure closure = { once, data, vtable };
    void *words[WORDS] = { vtable[0], (void *)sizeof closure, (void *)_Alignof(Closure), vtable[3], (void *)call_mut };
    REAL_ONCE(once, ignore_poisoning, &closure, words, location);
    __tsan_acquire(once);
}
