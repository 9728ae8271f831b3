"""--refs-json is complete at any moment: a session that dies leaves each finished test, and the running one."""

import json

import pytest
from pyrefcore.core import host

pytest_plugins = ["pytester", "project"]

CODE = """
import os, signal
def test_good(): pass
def test_bad(): leak()
def test_dies(): os.kill(os.getpid(), signal.%s)
def test_never(): pass
"""


@pytest.mark.slow
@pytest.mark.parametrize("signal", ["SIGKILL", "SIGSEGV"])
def test_the_file_of_a_dead_session(project, signal):
    project.folder.makefile(".json", refs='{"tests": "an old report"}')
    assert project.run(CODE % signal, "-p", "no:faulthandler", "--refs-json=refs.json") < 0
    report = json.loads(project.read("refs.json"))
    outcomes = [(one["test"].split("::")[1], one["outcome"]) for one in report["tests"]]
    assert outcomes == [("test_good", "clean"), ("test_bad", "leaked"), ("test_dies", "unfinished")]
    assert report["ok"] is False and report["error"] == "pytest has not finished"
    assert report["tests"][1]["report"]["findings"][0]["kind"] == "leak"


@pytest.mark.slow
def test_a_worker_that_dies(project):
    pytest.importorskip("xdist")
    if host.is_free_threaded():
        pytest.skip("pytest-xdist's workers have threads")
    assert project.run(CODE % "SIGKILL", "-p", "xdist", "-n1", "--refs-json=refs.json") == 1
    report = json.loads(project.read("refs.json"))
    outcomes = {one["test"].split("::")[1]: one["outcome"] for one in report["tests"]}
    assert outcomes == {"test_good": "clean", "test_bad": "leaked", "test_dies": "unfinished", "test_never": "clean"}
    assert report["ok"] is False and "error" not in report
    project.says("not checked: test_it.py::test_dies: its process died while it ran")


def test_a_session_that_finishes(project):
    assert project.run("def test_good(): pass\ndef test_fails(): assert 0", "--refs-json=refs.json") == 1
    report = json.loads(project.read("refs.json"))
    assert [one["outcome"] for one in report["tests"]] == ["clean"]
    assert sorted(report) == ["host", "notes", "ok", "tests"] and report["ok"] is True
