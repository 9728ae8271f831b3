"""Each run of `test_exception_switch` in the extension of greenlet's tests leaks a reference to the parent.

`PyGreenlet_GET_PARENT` returns a new reference; `test_exception_switch_recurse` switches to it and does not release it.
"""

import sys

import greenlet
from greenlet.tests import _test_extension_cpp

RUNS = 1000


def switch():
    one = greenlet.greenlet(_test_extension_cpp.test_exception_switch)
    one.switch(0)
    assert one.switch() == 0


switch()
main = greenlet.getcurrent()
before = sys.getrefcount(main)
for _ in range(RUNS):
    switch()
leaked = sys.getrefcount(main) - before
print("references to the parent after %d runs: %+d" % (RUNS, leaked))
sys.exit(leaked < RUNS)
