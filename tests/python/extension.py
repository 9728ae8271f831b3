"""Extension modules for tests, compiled from `tests/python/extensions/`."""

import functools
import json
import os
import subprocess
import sysconfig
import tempfile

import pytest

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "extensions")
_FLAGS = ["-g", "-O1", "-fno-optimize-sibling-calls", "-fno-omit-frame-pointer", "-w", "-shared", "-fPIC"]


@functools.lru_cache(maxsize=None)
def _folder():
    # The folder stays until the process ends: a loaded module can't be removed safely.
    return tempfile.TemporaryDirectory(prefix="pyrefcore-extensions-")


@functools.lru_cache(maxsize=None)
def build(name, *flags):
    """Compiles `NAME.c` or `NAME.cpp` for this Python, once in each process, and returns the folder of the module.

    The test is skipped if this Python has no headers.
    """
    include = sysconfig.get_paths()["include"]
    if not os.path.isfile(os.path.join(include, "Python.h")):
        pytest.skip("this Python has no Python.h")
    source = os.path.join(SOURCES, name + ".c")
    compiler = os.environ.get("CC", "cc")
    if not os.path.exists(source):
        source, compiler = source + "pp", os.environ.get("CXX", "c++")
    folder = _folder().name
    module = os.path.join(folder, name + sysconfig.get_config_var("EXT_SUFFIX"))
    done = subprocess.run(
        [compiler] + _FLAGS + list(flags) + ["-I" + include, source, "-o", module],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout
    return folder


def check(name, setup, statement, *flags, status=None):
    """The report of `python -m pyrefcore check --json` for a statement that uses the module, as a dictionary.

    `status` is the expected exit status; by default 1 if there are findings, and 0 if there are none.
    """
    import conftest

    path = os.pathsep.join([conftest.PACKAGE, build(name, *flags)])
    command = ["-s", "import %s\n%s" % (name, setup), statement, "--json"]
    done = conftest.python("-W", "ignore", "-m", "pyrefcore", "check", *command, PYTHONPATH=path)
    assert done.stdout, "exit status %d, and no report\n%s" % (done.returncode, done.stderr)
    report = json.loads(done.stdout)
    wanted = (1 if report["findings"] else 0) if status is None else status
    assert done.returncode == wanted, done.stdout + done.stderr
    return report
