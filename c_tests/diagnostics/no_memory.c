/* Calls without memory: each returns what the header promises for that, and the process goes on. The test refuses each
   memory request of a call in turn, first alone and then with all later ones. */
#include "testing.h"
#include "things.h"
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* AddressSanitizer replaces malloc itself. */
#ifdef __SANITIZE_ADDRESS__
int main(void) { return summary(); }
#else
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);

/* The number of the request that is refused, counted from now; 0 refuses none. */
static long left;
static int and_all_after, refusals;

static int is_refused(void)
{
    if (left == 0 || --left > 0) {
        return 0;
    }
    left = and_all_after;
    refusals++;
    errno = ENOMEM;
    return 1;
}
void *malloc(size_t bytes) { return is_refused() ? NULL : __libc_malloc(bytes); }
void *calloc(size_t items, size_t bytes) { return is_refused() ? NULL : __libc_calloc(items, bytes); }
void *realloc(void *block, size_t bytes) { return is_refused() ? NULL : __libc_realloc(block, bytes); }
int posix_memalign(void **block, size_t align, size_t bytes)
{
    *block = is_refused() ? NULL : __libc_memalign(align, bytes);
    return *block == NULL ? ENOMEM : 0;
}
void *mmap(void *at, size_t bytes, int protection, int flags, int file, off_t offset)
{
    return is_refused() ? MAP_FAILED : (void *)syscall(SYS_mmap, at, bytes, protection, flags, file, offset);
}

/* Calls `call` until no request of it is refused. `call` returns whether the library's answer was the right one, or the
   promised one for no memory. Returns the number of refused requests. */
static int refuse_each(int (*call)(void))
{
    int all = 0;
    for (and_all_after = 0; and_all_after <= 1; and_all_after++) {
        for (long nth = 1;; nth++) {
            refusals = 0;
            left = nth;
            int kept_its_promise = call();
            left = 0;
            all += refusals;
            if (!CHECK(kept_its_promise) || refusals == 0) {
                break;
            }
        }
    }
    return all;
}

enum { THINGS = 1000 };
static PyObject *held[THINGS];
static pyrefcore_snapshot *before, *after;
static int edges;

static int takes(void)
{
    pyrefcore_snapshot *taken = pyrefcore_snapshot_take();
    int refused = refusals;
    left = 0;
    int is_right = taken == NULL ? refused > 0 : pyrefcore_snapshot_objects(taken) >= THINGS;
    pyrefcore_snapshot_drop(taken);
    return is_right;
}
static int compares(void)
{
    const pyrefcore_snapshot *both[] = { before, after };
    pyrefcore_findings *found = pyrefcore_compare(both, 2);
    int is_right = found == NULL ? refusals > 0 : pyrefcore_findings_count(found) > 0;
    left = 0;
    pyrefcore_findings_drop(found);
    return is_right;
}
static int looks_for_over_releases(void)
{
    pyrefcore_findings *found = pyrefcore_over_released(after);
    int is_right = found == NULL ? refusals > 0 : pyrefcore_findings_count(found) == 0;
    left = 0;
    pyrefcore_findings_drop(found);
    return is_right;
}
static int is_quiet(void)
{
    int quiet = pyrefcore_is_quiet(before, before);
    return quiet == 1 || refusals > 0;
}
static int pins(void)
{
    size_t count = pyrefcore_snapshot_pin(before);
    int is_right = count >= THINGS ? Py_REFCNT(held[0]) > 1 << 20 : count == 0 && refusals > 0 && Py_REFCNT(held[0]) < 1 << 20;
    left = 0;
    pyrefcore_snapshot_unpin(before);
    return is_right && Py_REFCNT(held[0]) < 1 << 20;
}
static int count_edge(PyObject *from, PyObject *to, void *arg)
{
    (void)from, (void)to, (void)arg;
    edges++;
    return 0;
}
static int lists_referrers(void)
{
    edges = 0;
    int status = pyrefcore_referrers(&((Box *)held[1])->held, 1, count_edge, NULL);
    return status == 0 ? edges == 1 : status == -1 && edges == 0 && refusals > 0;
}
static int lists_referents(void)
{
    edges = 0;
    int status = pyrefcore_referents(held[1], count_edge, NULL);
    return status == 0 ? edges == 1 : status == -1 && edges == 0 && refusals > 0;
}
static int reports(void)
{
    int status = pyrefcore_report("/dev/null");
    return status == 0 || (status == -1 && refusals > 0);
}
static int tracks(void)
{
    static uintptr_t block = 16;
    for (int i = 0; i < 100; i++, block += 16) {
        int status = PyTraceMalloc_Track(0, block, 8);
        if (status != 0) {
            return status == -1 && refusals > 0;
        }
    }
    return 1;
}

static void a_snapshot(void) { CHECK(refuse_each(takes) > 0); }
static void a_comparison(void) { CHECK(refuse_each(compares) > 0); }
static void over_releases(void) { CHECK(refuse_each(looks_for_over_releases) > 0); }
static void a_quiet_window(void) { CHECK(refuse_each(is_quiet) > 0); }
static void pinned_objects(void) { CHECK(refuse_each(pins) > 0); }
static void referrers(void) { CHECK(refuse_each(lists_referrers) > 0); }
static void referents(void) { CHECK(refuse_each(lists_referents) > 0); }
static void a_report(void) { CHECK(refuse_each(reports) > 0); }
static void traced_blocks(void)
{
    pyrefcore_trace_start(8);
    refuse_each(tracks);
    pyrefcore_trace_stop();
}

int main(void)
{
    CHECK(pyrefcore_watch(PYREFCORE_LIVE) == 0);
    CHECK(pyrefcore_audit_attach() == NULL);
    for (int i = 0; i < THINGS; i++) {
        held[i] = i % 2 == 0 ? (PyObject *)new_thing(i) : (PyObject *)new_box((PyObject *)new_thing(i));
    }
    before = pyrefcore_snapshot_take();
    for (int i = 0; i < THINGS; i++) {
        Py_INCREF(held[i]);
    }
    (void)new_box((PyObject *)new_thing(1));
    after = pyrefcore_snapshot_take();
    RUN(a_snapshot);
    RUN(a_comparison);
    RUN(over_releases);
    RUN(a_quiet_window);
    RUN(pinned_objects);
    RUN(referrers);
    RUN(referents);
    RUN(a_report);
    RUN(traced_blocks);
    pyrefcore_snapshot_drop(before);
    pyrefcore_snapshot_drop(after);
    return summary();
}
#endif
