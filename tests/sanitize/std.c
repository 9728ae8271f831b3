/* What Rust's std does out of ThreadSanitizer's sight, told to it. std comes compiled and without instrumentation;
 * what is inlined or generic is compiled with us and seen. Two functions that order memory are neither: taking
 * a mutex that is contended, and running what runs once. run.sh links these around them, and fails where the
 * library calls a third. Programs linked with the shared library have neither, so they are weak. */
#include <string.h>

void __tsan_acquire(void *);
void __tsan_release(void *);

/* rustc's LLVM calls these, which older runtimes lack: they see what the C library's own do. */
#define WEAK __attribute__((weak))
WEAK void *__tsan_memcpy(void *to, const void *from, size_t size) { return memcpy(to, from, size); }
WEAK void *__tsan_memmove(void *to, const void *from, size_t size) { return memmove(to, from, size); }
WEAK void *__tsan_memset(void *to, int byte, size_t size) { return memset(to, byte, size); }

/* Mutex::lock_contended(&self): whoever comes out has the mutex. Giving it back is inlined. */
WEAK void REAL_LOCK(void *mutex);
void WRAP_LOCK(void *mutex)
{
    REAL_LOCK(mutex);
    __tsan_acquire(mutex);
}

/* Once::call(&self, bool, &mut dyn FnMut(&OnceState)): the last thing that happens in `once` before others see that
 * it is done is the return of the closure, so that is where the release must be. A closure is its data and a
 * vtable, of which call_mut is the fifth word. */
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
