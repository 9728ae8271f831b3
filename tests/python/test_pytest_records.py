"""What a test leaves in pytest's own records is there once, however often the test runs."""

import pytest

pytest_plugins = ["pytester", "project"]


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


def test_the_first_run_is_reported(project):
    code = """
def test_it(caplog):
    print("printed"); logging.warning("logged"); warnings.warn("warned")
    leak()
@pytest.fixture
def bad(): yield; assert False
def test_bad(bad): print("before")
"""
    assert project.run(code, "--junitxml=junit.xml", "-o", "junit_logging=all") == 1
    assert "leak: 1 reference to test_it.Thing per run" in project.read("junit.xml")
    assert project.output.count("UserWarning: warned") == 1
    project.says(", 1 warning")
    assert project.output.count("\nbefore") == 1


def test_output_is_shown_once(project):
    """Once for all runs, whether it was written before the test or in it, and wherever the stream's position is."""
    code = """
import os, sys
@pytest.fixture
def greets(capsys): print("from the fixture")
def test_capsys(capsys, greets): print("from the test")
first = iter([True])
def test_position():
    if next(first, False): print("a first line"); sys.stdout.seek(0)
def test_child(capfd): os.system("echo from a child")
def test_late(request):
    request.getfixturevalue("capsys")
    print("from a late one")
"""
    assert project.run(code, "-rP") == 0, project.output
    for text in ("from the fixture", "from the test", "a first line", "from a child", "from a late one"):
        assert project.output.count(text) == 1, project.output


def test_additions_of_a_test_to_its_item_are_made_once(project):
    code = """
ended = []
def test_adds(request, record_property):
    record_property("a", "property")
    request.addfinalizer(lambda: ended.append(1))
    request.node.add_report_section("call", "own", "a section")
    print("an output")
def test_late(request, tmp_path_factory):
    folder = request.getfixturevalue("tmp_path")
    assert folder.exists()
def test_after(): assert ended == [1]
"""
    assert project.run(code, "-rP", "--junitxml=junit.xml") == 0, project.output
    project.says("3 passed", "3 tests checked")
    for text in ("a section", "an output"):
        assert project.output.count(text) == 1, project.output
    assert project.read("junit.xml").count('value="property"') == 1


def test_properties_and_markers_are_added_once(project):
    code = """
runs = (ctypes.c_size_t * 2)()
def test_suite(record_testsuite_property):
    runs[0] += 1
    record_testsuite_property("suite", runs[0])
@pytest.mark.filterwarnings("ignore")
def test_attribute(record_xml_attribute):
    runs[1] += 1
    record_xml_attribute("own", runs[1])
def test_marker(request):
    request.node.add_marker(pytest.mark.xfail(reason="later"))
def test_markers(request): assert min(runs) > 1
"""
    assert project.run(code, "--junitxml=junit.xml", "-o", "junit_family=xunit1") == 0, project.output
    project.says("3 passed, 1 xpassed", "4 tests checked")
    project.is_silent_about("note: test_it.py::test_marker:")
    written = project.read("junit.xml")
    assert written.count('name="suite"') == 1 and '<property name="suite" value="1"' in written
    assert 'own="1"' in written


def test_a_failure_of_pytests_own_stays_in_a_leaking_test(project):
    code = """
@pytest.mark.xfail(strict=True)
def test_strict(): leak()
def test_leaks(): leak()
"""
    assert project.run(code, "-rA") == 1
    project.says("1 failed, 1 leaked", "[XPASS(strict)]", "FAILED test_it.py::test_strict", "LEAKED test_it.py::test_strict")


def test_without_pytests_record_a_warning_is_shown_once(project):
    code = """
def warn(): warnings.warn("at one place")
def test_first(): warn()
def test_second(): warn()
"""
    assert project.run(code, "-rP", "-p", "no:warnings") == 0, project.output
    assert project.output.count("UserWarning: at one place") == 1, project.output


def test_output_of_a_fixture_that_passes_it_on_is_shown_once(project):
    code = """
def test_tee(capteesys): print("passed on")
"""
    project.run(code, "-rP", "--capture=sys", refs=())
    plain = project.output
    if "fixture 'capteesys' not found" in plain:
        pytest.skip("this pytest does not have the fixture")
    assert project.run(code, "-rP", "--capture=sys") == 0, project.output
    assert project.output.count("passed on") == plain.count("passed on"), project.output
