"""On a Python without countable references the package can be imported, and each entry point gives one sentence why."""

import sys

import pytest
from conftest import python

#: Code that removes what PyPy, or a build without libffi, lacks. It runs before the package is imported.
PYPY = """
import ctypes, sys
sys.implementation.name = "pypy"
del ctypes.pythonapi, ctypes.PYFUNCTYPE, ctypes.PyDLL
for name in ("_clear_type_cache", "_clear_internal_caches", "getrefcount"):
    if hasattr(sys, name): delattr(sys, name)
"""
NO_CTYPES = "import sys; sys.modules['_ctypes'] = None; sys.modules['ctypes'] = None\n"
WHYS = [
    (PYPY, "pyrefcore counts CPython's references, and this is pypy"),
    (NO_CTYPES, "pyrefcore needs ctypes, which can't be used here: "),
]


@pytest.mark.parametrize("before, why", WHYS)
@pytest.mark.parametrize("arguments", [["check", "pass"], ["audit"], ["doctor"], ["doctor", "--json"], ["run", "x.py"]])
def test_the_command_refuses_in_one_sentence(before, why, arguments):
    code = "import runpy; sys.argv[1:] = %r; runpy.run_module('pyrefcore', run_name='__main__', alter_sys=True)" % arguments
    done = python("-c", before + code)
    assert done.returncode == 2 and done.stdout == "", done.stderr
    assert done.stderr.startswith("pyrefcore: " + why) and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("before, why", WHYS)
def test_the_package_is_imported_and_refuses(before, why):
    done = python("-c", before + """
import pyrefcore
assert sorted(set(dir(pyrefcore)) & set(pyrefcore.__all__)) == sorted(pyrefcore.__all__)
print(pyrefcore.attached())
for what in (pyrefcore.attach, pyrefcore.audit, pyrefcore.detach, lambda: pyrefcore.check(list, runs=3)):
    try: what()
    except pyrefcore.NotSupported as error: print(error)
""")
    lines = done.stdout.splitlines()
    assert lines[0] == "False" and len(lines) == 5 and all(line.startswith(why) for line in lines[1:]), done.stderr


@pytest.mark.parametrize("before, why", WHYS)
def test_pytest_refuses(before, why, tmp_path):
    (tmp_path / "test_it.py").write_text("def test(): pass\n")
    code = "import pytest, pyrefcore_pytest; sys.exit(pytest.main(['--refs', '-p', 'no:cacheprovider', '-p', 'pyrefcore_pytest', %r]))"
    path = [one for one in sys.path if one]
    done = python("-c", before + "sys.path += %r\n" % path + code % str(tmp_path))
    assert done.returncode == 4 and "--refs: " + why in done.stderr, done.stdout + done.stderr
