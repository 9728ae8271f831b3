"""Shared by the tests: the package's path, and reference mistakes without an extension."""

import ctypes
import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACKAGE = os.path.join(ROOT, "python")
sys.path.insert(0, PACKAGE)

incref = ctypes.pythonapi.Py_IncRef
decref = ctypes.pythonapi.Py_DecRef
for function in (incref, decref):
    function.argtypes = [ctypes.py_object]
    function.restype = None

# The same functions for programs that run in another process.
PRELUDE = """
import ctypes, gc, os, sys
incref = ctypes.pythonapi.Py_IncRef
decref = ctypes.pythonapi.Py_DecRef
for function in (incref, decref):
    function.argtypes = [ctypes.py_object]
    function.restype = None
class Thing: pass
import pyrefcore
"""


def python(*arguments, **environment):
    """Runs this Python with the package on its path."""
    surroundings = dict(os.environ, PYTHONPATH=PACKAGE, PYTHONDONTWRITEBYTECODE="1")
    surroundings.update(environment)
    return subprocess.run(
        [sys.executable] + list(arguments),
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=120,
    )


def program(code):
    """Runs the prelude and the code, and returns its standard output. An error in it fails the test."""
    done = python("-c", PRELUDE + code)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def command(*arguments, **environment):
    """Runs `python -m pyrefcore`."""
    return python("-m", "pyrefcore", *arguments, **environment)


def check(fn, **more):
    import pyrefcore

    return pyrefcore.check(fn, **more)


def only(report):
    """The one finding of the report."""
    assert len(report.findings) == 1, str(report)
    return report.findings[0]


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than five seconds; `make test` leaves it out")


def pytest_collection_modifyitems(items):
    """Tests that start threads run last: after the first thread, free-threaded 3.13 makes every type immortal."""
    items.sort(key=lambda item: item.fspath.basename in ("test_bad_input.py", "test_observers.py"))


@pytest.fixture(scope="session")
def attached():
    """The package with its library. Without a library the test is skipped; with an unusable one it fails."""
    import pyrefcore
    from pyrefcore.core import native

    try:
        native.path()
    except pyrefcore.NotSupported as error:
        pytest.skip(str(error))
    pyrefcore.attach()
    return pyrefcore
