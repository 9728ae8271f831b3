"""Random operations on twin objects in one process: with our library, and with the libpython of a CPython."""

import functools
import json
import os
import re

import pytest

from harness.cargo import CARGO, settings
from harness.commands import run

# Prints the files of the interpreter's libpython, of its loader and of its C library; these may differ from the system's.
# Then prints its prefix and its version.
PROBE = """
import json, os, sys
with open("/proc/self/maps") as maps:
    files = [line.split(None, 5)[-1].rstrip("\\n") for line in maps]
found = [[name for name in files if os.path.basename(name).startswith(start)] for start in
         ("libpython", "ld-linux-", "libc.so")]
print(json.dumps([names[0] if names else None for names in found] + [sys.base_prefix, sys.version.split()[0]]))
"""


@functools.lru_cache(maxsize=None)
def program():
    """The program, which is the same for every flavour. The compared code is not in it, so it is not optimised."""
    words = [CARGO, "test", "--quiet", "--no-run", "--features", "unwinding", "--test", "differential"]
    text = run(words + ["--message-format=json"], env=settings("cp313"))
    return re.findall(r'"executable":"([^"]*/differential-[^"]*)"', text)[-1]


def random_operations(host, library, operations, seed):
    """Fails with a sequence of operations on which the two differ, made as short as possible."""
    libpython, loader, libc, prefix, version = json.loads(run([host.python, "-I", "-S", "-c", PROBE]))
    if libpython is None:
        pytest.skip("%s holds its CPython itself, and only a shared libpython can be opened beside ours" % host.python)
    print("SEED=%d repeats this; it compares with %s in %s" % (seed, version, libpython))
    # No setting of the caller may reach the two libraries.
    command = ["env", "-i", "LC_ALL=C.UTF-8", "PYTHONHOME=" + prefix, "PYTHONDONTWRITEBYTECODE=1"]
    command += [loader, "--library-path", os.path.dirname(libc), program()]
    text = run(command + [host.flavour, library.shared, libpython, operations, seed], timeout=7200)
    assert re.search(r"^[1-9]\d* passed, 0 failed, 0 skipped$", text, re.M), text
