"""Each int() of a _Bool of cffi leaks a reference to True or False.

`cdata_int` gets a new reference to a bool from `convert_to_object`, makes an int of it with `PyLong_FromLong`, and
never releases the bool.
"""

import sys

import cffi

RUNS = 1000

yes = cffi.FFI().cast("_Bool", 1)
int(yes)
before = sys.getrefcount(True)
for _ in range(RUNS):
    int(yes)
leaked = sys.getrefcount(True) - before
print("references to True after %d calls: %+d" % (RUNS, leaked))
sys.exit(leaked < RUNS)
