"""pytest --refs, on projects of their own, each in a process of its own."""

import json
import sys

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

pytest_plugins = ["pytester"]


class Project:
    """A folder with tests, and what pytest says of it."""

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

    def says(self, *parts):
        for part in parts:
            assert part in self.output, "%r is not in\n%s" % (part, self.output)

    def is_silent_about(self, *parts):
        for part in parts:
            assert part not in self.output, "%r is in\n%s" % (part, self.output)


@pytest.fixture
def project(request, monkeypatch, attached):
    # The older name is all that an older pytest has.
    folder = request.getfixturevalue("pytester" if hasattr(pytest, "Pytester") else "testdir")
    # Without its entry point: the package may be installed or not.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return Project(folder)


def test_without_refs_nothing_is_loaded(project):
    code = """
def test_it():
    import sys
    assert not [name for name in sys.modules if name == "pyrefcore" or name.startswith("pyrefcore.")]
    assert "libpyrefcore" not in open("/proc/self/maps").read()
    leak()
@pytest.mark.refs(runs=2)
def test_marked(): pass
"""
    assert project.run(code, "--strict-markers" if hasattr(pytest, "Pytester") else "--strict", refs=()) == 0
    project.says("2 passed")
    project.is_silent_about("references", "leaked")


def test_markers_are_listed(project):
    project.run("", "--markers", refs=())
    project.says("@pytest.mark.refs(runs=N")


@pytest.mark.parametrize("option", ["--refs-runs=3", "--refs-json=x", "--refs-html=x"])
def test_options_need_refs(project, option):
    assert project.run("def test_it(): pass", option, refs=()) == 4
    project.says("needs --refs")


def test_clean_and_leaked(project):
    assert project.run("def test_good(): Thing()\ndef test_bad(): leak()", "-v") == 1
    project.says("test_good PASSED", "test_bad LEAKED", "1 passed", "1 leaked", "LEAKED test_it.py::test_bad",
                 "leak: 1 reference to test_it.Thing per run", "2 tests checked, 1 leaked")


def test_letter(project):
    project.run("def test_a(): pass\ndef test_b(): leak()\ndef test_c(): pass")
    project.result.stdout.fnmatch_lines(["test_it.py .R. *"])


def test_over_release(project):
    code = "many = [kept] * 9\nfor _ in many: incref(kept)\ndef test_bad(): decref(kept)\ndef test_next(): pass"
    assert project.run(code) == 1
    project.says("over-release: 1 reference to test_it.Thing per run", "1 passed", "1 leaked")


def test_stops_at_the_first(project):
    assert project.run("def test_a(): leak()\ndef test_b(): pass", "-x") != 0
    project.says("1 tests checked, 1 leaked")


def test_parametrised(project):
    code = '@pytest.mark.parametrize("bad", [False, True])\ndef test_it(bad): bad and leak()'
    assert project.run(code) == 1
    project.says("LEAKED test_it.py::test_it[True]", "1 passed", "1 leaked")


def test_failing_tests_are_not_repeated(project):
    code = """
import pytest
ran = []
def test_fails(): ran.append(1); assert False
class TestCase(unittest.TestCase):
    def test_fails(self): ran.append(1); self.fail()
    @unittest.expectedFailure
    def test_expected(self): ran.append(1); self.fail()
def test_count(): assert ran == [1, 1, 1]
"""
    assert project.run(code) == 1
    project.says("2 failed", "1 passed", "1 xfailed", "1 tests checked")


def test_fixtures_are_set_up_once(project):
    code = """
made, runs = [], []
@pytest.fixture
def fixture():
    made.append("set up")
    yield kept
    made.append("torn down")
def test_it(fixture): runs.append(1)
def test_after(): assert made == ["set up", "torn down"] and len(runs) > 9
"""
    assert project.run(code) == 0
    project.says("2 tests checked")


def test_unittest(project):
    code = """
class TestCase(unittest.TestCase):
    def setUp(self): self.thing = Thing()
    def tearDown(self): assert self.thing
    def test_good(self):
        for i in range(2):
            with self.subTest(i=i): self.assertTrue(self.thing)
    def test_bad(self): leak()
    def test_later(self):
        TestCase.runs = getattr(TestCase, "runs", 0) + 1
        self.assertLess(self.runs, 3)
    def test_skips_later(self):
        TestCase.skips = getattr(TestCase, "skips", 0) + 1
        if self.skips > 1: self.skipTest("again")
"""
    assert project.run(code) == 1
    project.says("LEAKED test_it.py::TestCase::test_bad", "3 passed", "1 leaked",
                 "TestCase::test_later: when it is repeated: raised AssertionError: 3 not less than 3 in run 2",
                 "TestCase::test_skips_later: it skips itself when it is repeated", "2 tests checked")


def test_doctest(project):
    code = '''
def good():
    """
    >>> thing = Thing()
    >>> thing is None
    False
    """
def bad():
    """
    >>> leak()
    """
'''
    assert project.run(code, "--doctest-modules") == 1
    project.says("LEAKED test_it.py::test_it.bad", "2 tests checked, 1 leaked")


def test_what_cannot_be_repeated_is_said(project):
    code = """
runs = []
def test_skips():
    runs.append(1)
    if len(runs) > 1: pytest.skip("once")
def test_folder(tmpdir): tmpdir.mkdir("x")
def test_good(): pass
"""
    assert project.run(code) == 0
    project.says("not checked: test_it.py::test_skips: it skips itself when it is repeated",
                 "not checked: test_it.py::test_folder: when it is repeated: raised", "3 passed",
                 "1 tests checked, 2 not checked")


def test_a_leak_before_the_end_is_found_all_the_same(project):
    code = """
runs = []
@pytest.mark.refs(windows=50)
def test_it():
    leak(); runs.append(1)
    assert len(runs) < 60
"""
    assert project.run(code) == 1
    project.says("LEAKED test_it.py::test_it", "leak: 1 reference to test_it.Thing per run", "it did not finish")


def test_pytest_exit_ends_the_run(project):
    code = "runs = []\ndef test_it():\n    runs.append(1)\n    if len(runs) > 1: pytest.exit('enough')\ndef test_b(): pass"
    assert project.run(code) == 2
    project.says("enough")


def test_keyboard_interrupt_ends_the_run(project):
    code = "runs = []\ndef test_it():\n    runs.append(1)\n    if len(runs) > 1: raise KeyboardInterrupt\ndef test_b(): pass"
    assert project.run(code) == 2
    project.says("KeyboardInterrupt", "not checked: test_it.py::test_it: when it is repeated: interrupted in run 1")


def test_pytests_own_records_do_not_grow(project):
    code = """
import json
def test_output(capsys):
    print("one")
    assert capsys.readouterr().out == "one\\n"
    print("two")
def test_plain_output(): print("three")
def test_records(caplog):
    logging.getLogger("x").warning("hi %s", Thing())
    assert len(caplog.records) == 1
def test_plain_records():
    try: raise ValueError
    except ValueError: logging.exception("no")
def test_recwarn(recwarn):
    warnings.warn("w")
    assert len(recwarn) == 1
def test_warns():
    with pytest.warns(UserWarning): warnings.warn("w")
def test_raises():
    with pytest.raises(ValueError, match="invalid"): int("x")
def test_patches(monkeypatch):
    monkeypatch.setattr(json, "dumps", Thing())
    monkeypatch.setattr(json, "loads", Thing())
    monkeypatch.setenv("X", "y")
def test_finalizer(request): request.addfinalizer(Thing)
def test_assertion(): assert [Thing(), 1][1] == 1 and "x" in {"x": Thing()}, Thing()
def test_class():
    class Local: pass
    Local().x = Local
def test_mock():
    from unittest import mock
    with mock.patch("json.loads") as loads:
        json.loads("x")
    loads.assert_called_once_with("x")
@pytest.mark.xfail
def test_unexpected(): pass
"""
    assert project.run(code) == 0
    project.says("13 tests checked", "12 passed", "1 xpassed")
    project.is_silent_about("not checked", "grows")


def test_first_run_is_what_is_reported(project):
    code = """
def test_it(caplog):
    print("printed"); logging.warning("logged"); warnings.warn("warned")
    leak()
@pytest.fixture
def bad(): yield; assert False
def test_bad(bad): print("before")
"""
    assert project.run(code, "--junitxml=junit.xml", "-o", "junit_logging=all") == 1
    assert "leak: 1 reference to test_it.Thing per run" in read(project, "junit.xml")
    assert project.output.count("UserWarning: warned") == 1
    assert project.output.count("\nbefore") == 1


def test_marker(project):
    code = """
runs = []
def test_before(): del runs[:]
@pytest.mark.refs(runs=2, windows=2)
def test_runs(): runs.append(1)
def test_count(): assert 1 + 2 * 2 <= len(runs) < 40
@pytest.mark.refs(skip="too slow")
def test_skip(): leak()
@pytest.mark.refs(allow={"test_it.Thing": "known"})
def test_allow(): leak()
@pytest.mark.refs(allow=["test_it.Thing"])
def test_allow_list(): leak()
@pytest.mark.refs(allow={"test_it.Other": "known"})
def test_not_allowed(): leak()
@pytest.mark.refs(expect={"test_it.Thing": 1})
def test_expect(): leak()
@pytest.mark.refs(expect={"test_it.Thing": 2})
def test_other_number(): leak()
@pytest.mark.refs(expect=["test_it.Thing"])
def test_missing(): pass
@pytest.mark.refs(skip="whole class")
class TestClass:
    @pytest.mark.refs(allow={"test_it.Thing": "closest"}, skip=None)
    def test_closest(self): leak()
    def test_far(self): leak()
"""
    assert project.run(code) == 1
    project.says("skipped: test_it.py::test_skip: too slow", "allowed: test_it.py::test_allow: test_it.Thing (known)",
                 "allowed: test_it.py::test_allow_list: test_it.Thing\n", "LEAKED test_it.py::test_not_allowed",
                 "expected: test_it.py::test_expect: test_it.Thing", "LEAKED test_it.py::test_other_number",
                 "expected, and not found: test_it.Thing", "1 did not leak as expected",
                 "test_closest: test_it.Thing (closest)", "TestClass::test_far: whole class", "1 failed", "2 leaked")


@pytest.mark.parametrize("arguments, why", [
    ("1", "takes keywords only"),
    ("run=1", "does not know run"),
    ("runs=0", "needs runs to be 1 or more"),
    ("runs='x'", "needs runs to be 1 or more"),
    ("windows=1", "needs windows to be 2 or more"),
    ("skip=''", "needs a reason in skip"),
    ("skip=True", "needs a reason in skip"),
    ("allow={'x': ''}", "needs a reason for each type in allow"),
    ("allow='x'", "needs names of types in allow"),
    ("expect={'x': 'y'}", "needs the references per run for each type in expect"),
])
def test_marker_misused(project, arguments, why):
    assert project.run("@pytest.mark.refs(%s)\ndef test_it(): pass" % arguments) == 4
    project.says("test_it.py::test_it: the marker refs " + why)


def test_allow_list(project):
    project.folder.makeini(
        "[pytest]\nrefs_runs = 2\nrefs_allow =\n"
        "    test_it.py::test_a[[]] | test_it.Thing | a reason | with a bar\n    *::test_b* | test_it.Thing | all of b\n"
    )
    code = """
@pytest.mark.parametrize("x", ["[]", "x"])
def test_a(x): leak()
def test_bb(): leak()
"""
    assert project.run(code, refs=["--refs"]) == 1
    project.says("allowed: test_it.py::test_a[[]]: test_it.Thing (a reason | with a bar)",
                 "allowed: test_it.py::test_bb: test_it.Thing (all of b)", "LEAKED test_it.py::test_a[x]", "windows of 2 runs")


def test_allow_list_needs_reasons(project):
    project.folder.makeini("[pytest]\nrefs_allow =\n    test_a | x |\n")
    assert project.run("def test_it(): pass") == 4
    project.says("refs_allow needs lines like", "test_a | x |")


@pytest.mark.parametrize("runs", ["0", "-1"])
def test_runs_misused(project, runs):
    assert project.run("def test_it(): pass", refs=["--refs", "--refs-runs=" + runs]) == 4
    project.says("--refs needs 1 or more runs")


def test_library_that_is_not_there(project, monkeypatch):
    monkeypatch.setenv("PYREFCORE_LIBRARY", "/nowhere/libpyrefcore.so")
    assert project.run("def test_it(): pass") == 4
    project.says("--refs: PYREFCORE_LIBRARY names /nowhere/libpyrefcore.so, which is no file")


def read(project, name):
    folder = project.folder.tmpdir if not hasattr(project.folder, "path") else project.folder.path
    with open(str(folder / name), encoding="utf-8") as file:
        return file.read()


def test_json_and_html(project):
    code = "def test_a(): leak()\ndef test_b(): pass\n@pytest.mark.refs(skip='<slow>')\ndef test_c(): pass"
    assert project.run(code, "--refs-json=refs.json", "--refs-html=refs.html") == 1
    whole = json.loads(read(project, "refs.json"))
    assert whole["ok"] is False
    assert whole["host"]["version"] == "%d.%d.%d" % sys.version_info[:3] or sys.version_info.releaselevel != "final"
    outcomes = [(one["test"], one["outcome"]) for one in whole["tests"]]
    assert outcomes == [("test_it.py::test_a", "leaked"), ("test_it.py::test_b", "clean"), ("test_it.py::test_c", "skipped")]
    report = whole["tests"][0]["report"]
    assert report["findings"][0]["type"] == "test_it.Thing"
    assert report["findings"][0]["references_per_run"] == 1.0
    page = read(project, "refs.html")
    assert "leaked: test_it.py::test_a" in page and "test_it.Thing" in page and "test_b" not in page
    assert project.run("def test_a(): pass", "--refs-json=refs.json", "--refs-html=refs.html") == 0
    assert json.loads(read(project, "refs.json"))["ok"] is True
    assert "nothing found" in read(project, "refs.html")


@pytest.mark.parametrize("option", ["--refs-json", "--refs-html"])
def test_unwritable_report(project, option):
    assert project.run("def test_it(): pass", option + "=no/such/folder/file") == 4
    project.says(option + ": ", "No such file or directory")
    project.is_silent_about("passed")


def test_report_that_becomes_unwritable(project):
    code = "def test_it():\n    import shutil; shutil.rmtree('folder', ignore_errors=True)\n    leak()"
    project.folder.mkdir("folder")
    assert project.run(code, "--refs-json=folder/file") == 1
    project.says("--refs-json was not written", "LEAKED test_it.py::test_it")
    project.folder.mkdir("folder")
    assert project.run(code.replace("leak()", "pass"), "--refs-json=folder/file") == 1
    project.says("--refs-json was not written", "1 passed")


def test_xdist(project):
    pytest.importorskip("xdist")
    code = "def test_a(): leak()\ndef test_b(): pass\n@pytest.mark.refs(skip='slow')\ndef test_c(): pass\ndef test_d(): assert 0"
    assert project.run(code, "-p", "xdist", "-n2", "--refs-json=refs.json") == 1
    if "while one thread runs" in project.output:
        pytest.skip("the workers of xdist have a second thread")
    project.says("LEAKED test_it.py::test_a", "1 leaked", "1 failed", "2 passed", "skipped: test_it.py::test_c: slow")
    assert sorted(one["outcome"] for one in json.loads(read(project, "refs.json"))["tests"]) == ["clean", "leaked", "skipped"]
