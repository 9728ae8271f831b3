"""pytest --refs: its options, its marker, the list of allowed leaks, and its files."""

import json
import sys

import pytest

pytest_plugins = ["pytester", "project"]


def test_markers_are_listed(project):
    project.run("", "--markers", refs=())
    project.says("@pytest.mark.refs(runs=N")


@pytest.mark.parametrize("option", ["--refs-runs=3", "--refs-thorough", "--refs-who", "--refs-json=x", "--refs-html=x"])
def test_options_need_refs(project, option):
    assert project.run("def test_it(): pass", option, refs=()) == 4
    project.says("needs --refs")


@pytest.mark.slow
def test_marker(project):
    code = """
runs = []
def test_before(): del runs[:]
@pytest.mark.refs(runs=2, windows=2)
def test_runs(): runs.append(1)
def test_count(): assert 2 <= len(runs) < 40
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
    project.says(
        "skipped: test_it.py::test_skip: too slow",
        "allowed: test_it.py::test_allow: test_it.Thing (known)",
        "allowed: test_it.py::test_allow_list: test_it.Thing\n",
        "LEAKED test_it.py::test_not_allowed",
        "expected: test_it.py::test_expect: test_it.Thing",
        "LEAKED test_it.py::test_other_number",
        "expected, and not found: test_it.Thing",
        "1 did not leak as expected",
        "test_closest: test_it.Thing (closest)",
        "TestClass::test_far: whole class",
        "1 failed",
        "2 leaked",
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments, why",
    [
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
    ],
)
def test_marker_misused(project, arguments, why):
    assert project.run("@pytest.mark.refs(%s)\ndef test_it(): pass" % arguments) == 4
    project.says("test_it.py::test_it: the marker refs " + why)


def test_allow_list(project):
    project.folder.makeini(
        "[pytest]\nrefs_runs = 2\nrefs_allow =\n"
        "    test_it.py::test_a[[]] | test_it.Thing | a reason | with a bar\n"
        "    *::test_b* | test_it.Thing | all of b\n"
    )
    code = """
@pytest.mark.parametrize("x", ["[]", "x"])
def test_a(x): leak()
def test_bb(): leak()
"""
    assert project.run(code, refs=["--refs"]) == 1
    project.says(
        "allowed: test_it.py::test_a[[]]: test_it.Thing (a reason | with a bar)",
        "allowed: test_it.py::test_bb: test_it.Thing (all of b)",
        "LEAKED test_it.py::test_a[x]",
        "windows of 2 runs",
    )


def test_a_class_can_be_allowed_and_expected(project):
    code = """
class Other: pass
@pytest.mark.refs(allow={"test_it.Thing": "a reason"})
def test_allowed(): incref(Thing)
@pytest.mark.refs(allow={"test_it.Other": "a reason"})
def test_another_is_not(): incref(Thing), incref(Other)
@pytest.mark.refs(expect={"test_it.Thing": 1})
def test_expected(): incref(Thing)
@pytest.mark.refs(expect={"test_it.Thing": 2})
def test_other_number(): incref(Thing)
"""
    assert project.run(code, refs=["--refs", "--refs-runs=3"]) == 1
    project.says(
        "allowed: test_it.py::test_allowed: test_it.Thing (a reason)",
        "LEAKED test_it.py::test_another_is_not",
        "LEAKED test_it.py::test_other_number",
    )
    project.is_silent_about("LEAKED test_it.py::test_expected")


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


def test_json_and_html(project):
    code = "def test_a(): leak()\ndef test_b(): pass\n@pytest.mark.refs(skip='<slow>')\ndef test_c(): pass"
    assert project.run(code, "--refs-json=refs.json", "--refs-html=refs.html") == 1
    whole = json.loads(project.read("refs.json"))
    assert whole["ok"] is False
    assert whole["host"]["version"] == "%d.%d.%d" % sys.version_info[:3] or sys.version_info.releaselevel != "final"
    outcomes = [(one["test"], one["outcome"]) for one in whole["tests"]]
    assert outcomes == [
        ("test_it.py::test_a", "leaked"),
        ("test_it.py::test_b", "clean"),
        ("test_it.py::test_c", "skipped"),
    ]
    report = whole["tests"][0]["report"]
    assert report["findings"][0]["type"] == "test_it.Thing"
    assert report["findings"][0]["references_per_run"] == 1.0
    page = project.read("refs.html")
    assert "leaked: test_it.py::test_a" in page and "test_it.Thing" in page and "test_b" not in page
    assert project.run("def test_a(): pass", "--refs-json=refs.json", "--refs-html=refs.html") == 0
    assert json.loads(project.read("refs.json"))["ok"] is True
    assert "nothing found" in project.read("refs.html")


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
