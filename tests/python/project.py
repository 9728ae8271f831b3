"""A new project for each test of `pytest --refs`, which pytest runs in another process."""

import pytest

PRELUDE = """
import ctypes, logging, unittest, warnings
import pytest
incref, decref = ctypes.pythonapi.Py_IncRef, ctypes.pythonapi.Py_DecRef
for function in (incref, decref):
    function.argtypes = [ctypes.py_object]
    function.restype = None
class Thing: pass
kept = Thing()
def leak(): incref(Thing())
"""


class Project:
    """A folder with tests, and pytest's output."""

    def __init__(self, folder):
        self.folder = folder
        self.output = ""

    def run(self, code, *arguments, **options):
        self.folder.makepyfile(test_it=PRELUDE + code)
        refs = options.get("refs", ("--refs", "--refs-runs=3"))
        result = self.folder.runpytest_subprocess("-p", "pyrefcore_pytest", *(tuple(refs) + arguments))
        self.output = result.stdout.str() + result.stderr.str()
        self.result = result
        return result.ret

    def read(self, name):
        folder = self.folder.path if hasattr(self.folder, "path") else self.folder.tmpdir
        with open(str(folder / name), encoding="utf-8") as file:
            return file.read()

    def says(self, *parts):
        for part in parts:
            assert part in self.output, "%r is not in\n%s" % (part, self.output)

    def is_silent_about(self, *parts):
        for part in parts:
            assert part not in self.output, "%r is in\n%s" % (part, self.output)


@pytest.fixture
def project(request, monkeypatch, attached):
    # An older pytest has only the older name.
    folder = request.getfixturevalue("pytester" if hasattr(pytest, "Pytester") else "testdir")
    # The package may be installed or not, so its entry point must not load the plugin.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return Project(folder)
