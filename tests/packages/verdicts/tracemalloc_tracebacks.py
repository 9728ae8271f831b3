"""From 3.9 to 3.12 CPython's tracemalloc never frees its copies of tracebacks: stop() leaks one block for each.

`hashtable_new` in Modules/_tracemalloc.c gets `raw_free` for the values, which are NULL, and not for the keys, which are
these copies.
"""

import ctypes
import sys
import tracemalloc

RUNS = 1000


class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks used free keep".split()]


mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Mallinfo


def trace():
    tracemalloc.start()
    kept = [object() for _ in range(3)]
    tracemalloc.stop()
    return kept


for _ in range(10):
    trace()
before = mallinfo().used
for _ in range(RUNS):
    trace()
leaked = mallinfo().used - before
print("bytes of the C heap after %d times start and stop: %+d" % (RUNS, leaked))
sys.exit(leaked < 24 * RUNS)
