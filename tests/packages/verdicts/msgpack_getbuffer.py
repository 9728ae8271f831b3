"""Each msgpack.Packer.__getbuffer__ leaks a reference to None.

Cython stores a reference to None in `buffer.obj` before it calls `__getbuffer__`. msgpack's function calls
`PyBuffer_FillInfo(buffer, self, ...)`, which overwrites it with `self` and does not release None.
"""

import sys

import msgpack

RUNS = 1000


def take():
    """Does what Packer.getbuffer() does."""
    memoryview(msgpack.Packer(autoreset=False))


take()
before = sys.getrefcount(None)
for _ in range(RUNS):
    take()
leaked = sys.getrefcount(None) - before
print("references to None after %d buffers: %+d" % (RUNS, leaked))
sys.exit(leaked < RUNS)
