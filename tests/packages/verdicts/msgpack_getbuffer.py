"""msgpack.Packer.__getbuffer__ leaks a reference to None each time.

Cython puts a reference to None in `buffer.obj` before it calls `__getbuffer__`; msgpack's calls
`PyBuffer_FillInfo(buffer, self, ...)`, which writes `self` over it and takes None back nowhere.
"""

import sys

import msgpack

RUNS = 1000


def take():
    """What Packer.getbuffer() does."""
    memoryview(msgpack.Packer(autoreset=False))


take()
before = sys.getrefcount(None)
for _ in range(RUNS):
    take()
leaked = sys.getrefcount(None) - before
print("references to None after %d buffers: %+d" % (RUNS, leaked))
sys.exit(leaked < RUNS)
