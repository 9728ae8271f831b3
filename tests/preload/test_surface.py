"""The library passes some functions on to the host, and they do what the host's own functions do."""

import os

import pytest

from preload.tested import HERE

BIRTHS = """
import ctypes, sys
core = ctypes.PyDLL(sys.argv[1])
new, count, mark = core._PyObject_New, core.pyrefcore_live_count, core.pyrefcore_mark
new.restype, new.argtypes = ctypes.py_object, [ctypes.py_object]
count.restype, count.argtypes = ctypes.c_ssize_t, [ctypes.c_uint64]
mark.restype = ctypes.c_uint64
since = mark()
kept = [new(object) for _ in range(500)]
full = count(since)
del kept
print(full >= 500, full - count(since) >= 500)
"""

FAILED = """
import ctypes, sys
core = ctypes.PyDLL(sys.argv[1])
core._PyObject_AssertFailed(ctypes.py_object([7]), b"a == b", b"they differ", b"mine.c", 7, b"check")
"""


def test_the_functions_return_the_same_as_the_hosts(tested):
    script = os.path.join(HERE, "surface.py")
    plain = tested.run("-B", script, preload=False)
    assert plain.status == 0 and plain.out.count("\n") >= 4, "the script is wrong"
    assert tested.run("-B", script, tested.library) == plain


@pytest.mark.hosts(kind="replaceable", since=9)
def test_births_of_the_hosts_functions_are_in_the_live_table(tested):
    result = tested.run("-c", BIRTHS, tested.library, words="live")
    assert (result.status, result.out) == (0, "True True\n")


def test_a_failed_assertion_ends_the_process_with_the_hosts_message(tested):
    result = tested.run("-c", FAILED, tested.library)
    assert result.status == -6
    assert result.err.startswith('mine.c:7: check: Assertion "a == b" failed: they differ\n')
    assert "object repr     : [7]\n" in result.err and "most recent call first" in result.err
