"""Tests under `pytest --refs`: each test that passes is repeated and audited. A marker allows a finding, or skips a test.

Run it with `python3 -m pytest --refs test_refs.py`.

Expected output, with exit status 1:

    ...
    LEAKED test_refs.py::test_leaks
    ...
      leak: 1 reference to test_refs.Thing per run, never released (30 in 3 windows of 10 runs, the same in each)
        1 object of this type more per run
        0x...: 1 reference, 0 of them visibly held: <test_refs.Thing object at 0x...>
    ...
    allowed: test_refs.py::test_cache: test_refs.Thing (a cache keeps it for good)
    skipped: test_refs.py::test_server: it starts a server
    ...
    references: 3 tests checked, 1 leaked, 1 allowed, 1 skipped
    ...
"""

import ctypes

import pytest

# Stands in for a C extension with a mistake: it adds a reference, and nothing ever releases it.
incref = ctypes.pythonapi.Py_IncRef
incref.argtypes, incref.restype = [ctypes.py_object], None


class Thing:
    pass


def test_clean():
    assert Thing() != Thing()


def test_leaks():
    incref(Thing())


@pytest.mark.refs(allow={"test_refs.Thing": "a cache keeps it for good"})
def test_cache():
    incref(Thing())


@pytest.mark.refs(skip="it starts a server")
def test_server():
    incref(Thing())
