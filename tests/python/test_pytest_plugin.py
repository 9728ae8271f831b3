"""pytest --refs: which tests it repeats, what it reports, and which effects must not be visible."""

import json
import sys

import pytest
from pyrefcore.core import host

pytest_plugins = ["pytester", "project"]


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


def test_clean_and_leaked(project):
    assert project.run("def test_good(): Thing()\ndef test_bad(): leak()", "-v") == 1
    project.says(
        "test_good PASSED",
        "test_bad LEAKED",
        "1 passed",
        "1 leaked",
        "LEAKED test_it.py::test_bad",
        "leak: 1 reference to test_it.Thing per run",
        "2 tests checked, 1 leaked",
    )


def test_letter(project):
    project.run("def test_a(): pass\ndef test_b(): leak()\ndef test_c(): pass")
    project.result.stdout.fnmatch_lines(["test_it.py .R. *"])


def test_over_release(project):
    code = "many = [kept] * 9\nfor _ in many: incref(kept)\ndef test_bad(): decref(kept)\ndef test_next(): pass"
    assert project.run(code) == 1
    project.says("over-release: each run releases 1 reference to test_it.Thing too many", "1 passed", "1 leaked")


def test_stops_at_the_first(project):
    assert project.run("def test_a(): leak()\ndef test_b(): pass", "-x") != 0
    project.says("1 test checked, 1 leaked")


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
    project.says("2 failed", "1 passed", "1 xfailed", "1 test checked")


def test_fixtures_are_set_up_once(project):
    code = """
made, runs = [], []
@pytest.fixture
def fixture():
    made.append("set up")
    yield kept
    made.append("torn down")
def test_it(fixture): runs.append(1)
def test_after(): assert made == ["set up", "torn down"] and len(runs) >= 3
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
    project.says(
        "LEAKED test_it.py::TestCase::test_bad",
        "3 passed",
        "1 leaked",
        "TestCase::test_later: when it is repeated: raised AssertionError: 3 not less than 3 in run 3",
        "TestCase::test_skips_later: it skips itself when it is repeated",
        "2 tests checked",
    )


@pytest.mark.slow
def test_unittest_with_coroutines(project):
    code = """
class TestCase(unittest.IsolatedAsyncioTestCase):
    async def test_good(self): Thing()
    async def test_bad(self): leak()
"""
    assert project.run(code) == 1
    project.says("LEAKED test_it.py::TestCase::test_bad", "1 passed, 1 leaked", "2 tests checked, 1 leaked")


def test_one_that_is_run_again_counts_once(project):
    project.folder.makeconftest("""
import pytest
from _pytest.runner import runtestprotocol
def pytest_runtest_protocol(item, nextitem):
    for last in (False, True):
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            if report.failed and not last: report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
    return True
def pytest_report_teststatus(report):
    if report.outcome == "rerun": return "rerun", "r", "RERUN"
""")
    assert project.run("def test_bad(): leak()") == 1
    project.says("1 rerun, 1 leaked", "1 test checked, 1 leaked")


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


def test_items_of_another_kind(project):
    project.folder.makeconftest(
        """
import pytest
class Case(pytest.Item):
    obj = property(lambda self: "can't be set")
    runs = 0
    def runtest(self):
        self.runs += 1
        import test_it
        test_it.runs[self.name] = self.runs
        if self.name == "bad": test_it.leak()
        if self.name == "once": assert self.runs == 1
class Cases(pytest.Collector):
    def collect(self): return [Case.from_parent(self, name=name) for name in ("good", "bad", "once")]
def pytest_pycollect_makeitem(collector, name, obj):
    if name == "Cases": return Cases.from_parent(collector, name=name)
"""
    )
    code = "class Cases: pass\nruns = {}\ndef test_after(): assert runs['good'] >= 3 and runs['once'] == 4"
    assert project.run(code) == 1
    project.says(
        "LEAKED test_it.py::Cases::bad",
        "leak: 1 reference to test_it.Thing per run",
        "Cases::once: when it is repeated: raised AssertionError",
        "3 passed",
        "3 tests checked, 1 leaked, 1 not checked",
    )


def test_a_test_that_can_not_be_repeated_is_named(project):
    code = """
runs = []
def test_skips():
    runs.append(1)
    if len(runs) > 1: pytest.skip("once")
def test_folder(tmpdir): tmpdir.mkdir("x")
def test_good(): pass
"""
    assert project.run(code) == 0
    project.says(
        "not checked: test_it.py::test_skips: it skips itself when it is repeated",
        "not checked: test_it.py::test_folder: when it is repeated: raised",
        "3 passed",
        "1 test checked, 2 not checked",
    )


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
    code = (
        "runs = []\ndef test_it():\n    runs.append(1)\n    if len(runs) > 1: pytest.exit('enough')\ndef test_b(): pass"
    )
    assert project.run(code) == 2
    project.says("enough")


def test_keyboard_interrupt_ends_the_run(project):
    code = """
runs = []
def test_it():
    runs.append(1)
    if len(runs) > 1: raise KeyboardInterrupt
def test_b(): pass
"""
    assert project.run(code) == 2
    project.says("KeyboardInterrupt", "not checked: test_it.py::test_it: when it is repeated: interrupted in run 2")


def test_xdist(project):
    pytest.importorskip("xdist")
    code = """
def test_a(): leak()
def test_b(): pass
@pytest.mark.refs(skip="slow")
def test_c(): pass
def test_d(): assert 0
"""
    status = project.run(code, "-p", "xdist", "-n2", "--refs-json=refs.json")
    if host.is_free_threaded():
        assert status == 4
        project.says("ERROR: --refs: pytest-xdist's workers have threads")
        return
    assert status == 1
    project.says("LEAKED test_it.py::test_a", "1 leaked", "1 failed", "2 passed", "skipped: test_it.py::test_c: slow")
    assert sorted(one["outcome"] for one in json.loads(project.read("refs.json"))["tests"]) == [
        "clean",
        "leaked",
        "skipped",
    ]


def test_a_plugin_may_rename_a_test(project):
    project.folder.makeconftest("""
import pytest
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    for item in items:
        # From pytest 9 on, no plugin can do so.
        if hasattr(item, "_nodeid"): item._nodeid += "@group"
""")
    assert project.run("def test_leaks(): leak()") == 1, project.output
    project.says("1 leaked")
    if int(pytest.__version__.split(".")[0]) < 9:
        project.says("test_leaks@group")


def test_a_window_without_change_ends_the_check(project):
    # A list or a number would change with each run.
    code = """
runs = (ctypes.c_size_t * 10)()
def test_first(): runs[0] += 1
def test_output(capsys): print("text"); runs[1] += 1
def test_print(): print("text"); runs[2] += 1
def test_log(caplog): logging.getLogger().warning("text"); runs[3] += 1
def test_objects(): [Thing() for _ in range(100)].sort(key=id); runs[4] += 1
def test_class():
    class Own: pass
    Own(); runs[5] += 1
@pytest.mark.parametrize("at", [6, 7, 8, 9])
def test_nothing(at): runs[at] += 1
def test_after(): assert set(runs[1:5]) <= NUMBERS and runs[5] <= 9 and min(runs[6:]) <= LEAST, list(runs)
"""
    # pytest's run, and one or two more: the first run of some code fills caches. In 3.13 the keys of a class's namespace
    # stay behind, so snapshots decide.
    ways = ("{2, 3}", "2", ["-s"]), ("{2, 3}", "2", []), ("{3, 6}", "6", ["--refs-thorough"])
    for numbers, least, options in ways:
        filled_in = code.replace("NUMBERS", numbers).replace("LEAST", least)
        assert project.run(filled_in, "--refs-json=found.json", *options) == 0, project.output
    tests = json.loads(project.read("found.json"))["tests"]
    assert [test["report"]["windows"] for test in tests[1:]] == [1] * 10
