"""`check` with `who` names the function and the line that left a reference unpaired, in extensions as compilers make
them. It lists candidates where it does not know, and leaves the process as it was."""

import ctypes
import functools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile

import pytest
from conftest import PACKAGE, command, python
from extension import SOURCES

pytest_plugins = ["pytester", "project"]
pytestmark = [
    pytest.mark.usefixtures("attached"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="traps are for x86-64"),
    pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="not on free-threaded builds yet"),
]

SOURCE = os.path.join(SOURCES, "takers.c")
SETUP = "import takers\nclass Thing: pass\nthing = Thing()\nheld = [Thing()]"


@functools.lru_cache(maxsize=None)
def built(*flags):
    """The folder of the module, compiled with these flags."""
    include = sysconfig.get_paths()["include"]
    if not os.path.isfile(os.path.join(include, "Python.h")):
        pytest.skip("this Python has no Python.h")
    folder = tempfile.mkdtemp(prefix="pyrefcore-takers-")
    module = os.path.join(folder, "takers" + sysconfig.get_config_var("EXT_SUFFIX"))
    base = [os.environ.get("CC", "cc"), "-g", "-w", "-shared", "-fPIC", "-I" + include, SOURCE, "-o", module]
    subprocess.run(base + list(flags), check=True)
    return folder


def run(statement, *flags, who=True, json_=True, setup=SETUP):
    """The finished process of a check."""
    path = os.pathsep.join([PACKAGE, built(*flags)])
    more = ["--who"] * who + ["--json"] * json_
    return command("check", "-s", setup, statement, *more, PYTHONPATH=path)


def report(statement, *flags, **more):
    """The report of a check as a dictionary."""
    done = run(statement, *flags, **more)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def finding(statement, *flags, **more):
    """The only finding of a check."""
    found = report(statement, *flags, **more)
    assert len(found["findings"]) == 1, found
    return found["findings"][0]


def line_of(mark):
    with open(SOURCE) as source:
        return next(number for number, line in enumerate(source, 1) if "/* %s */" % mark in line)


MISTAKES = {
    "took": ("takers.borrow(thing), takers.take(thing)", "take", 1),
    "made": ("takers.make('ab')", "make", 1),
    "forgot": ("takers.Keeper(Thing())", "keeper_dealloc", 1),
    "released": ("takers.borrow(thing), takers.release(held)", "release", -1),
}


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2", "-O3", "-Os"])
@pytest.mark.parametrize("what", sorted(MISTAKES))
def test_the_function_and_the_line_are_named(what, level):
    statement, function, delta = MISTAKES[what]
    found = finding(statement, level)
    assert "candidates" not in found, found["candidates"]
    (culprit,) = found["unmatched"]
    assert (culprit["function"], culprit["what"], culprit["delta"]) == (function, what, delta), culprit
    assert os.path.basename(culprit["file"]) == "takers.c"
    # A compiler may give the entry of a function the line of its name, of its brace, or of its first statement.
    distance = abs(culprit["line"] - line_of(what))
    assert distance <= (what == "forgot"), culprit
    assert culprit["rule"] in ("only", "exact", "dealloc", "held") or level == "-O0"


@pytest.mark.parametrize("what", sorted(MISTAKES))
def test_without_symbols_the_offset_lies_in_the_function(what):
    statement, function, delta = MISTAKES[what]
    (culprit,) = finding(statement, "-O2", "-s")["unmatched"]
    assert (culprit["what"], culprit["delta"]) == (what, delta)
    assert "function" not in culprit and "line" not in culprit, culprit
    assert os.path.basename(culprit["library"]).startswith("takers.")
    # The same code with symbols.
    (module,) = os.listdir(built("-O2"))
    listed = subprocess.run(
        ["nm", "-S", os.path.join(built("-O2"), module)], check=True, stdout=subprocess.PIPE, universal_newlines=True
    ).stdout
    start, size = re.search(r"^(\w+) (\w+) \w %s$" % function, listed, re.M).groups()
    offset = int(culprit["offset"], 16) - int(start, 16)
    assert 0 <= offset < int(size, 16), (culprit, listed)


def test_several_candidates_are_listed_and_none_is_named():
    found = finding("takers.take(thing), takers.take_too(thing)", "-O2")
    assert "unmatched" not in found, found["unmatched"]
    assert sorted(one["function"] for one in found["candidates"]) == ["take", "take_too"]
    assert all("rule" not in one for one in found["candidates"])


def test_the_text_has_a_line_to_jump_to():
    done = run(MISTAKES["took"][0], "-O2", json_=False)
    at = line_of("took")
    lines = "\n  took it: take, %s:%d\n    %5d | Py_INCREF(arg); /* took */\n" % (SOURCE, at, at)
    assert lines in done.stdout, done.stdout
    done = run("takers.take(thing), takers.take_too(thing)", "-O2", json_=False)
    assert re.search(r"\n  one of these took it: take\w*, .*\n .* Py_INCREF.*\n  or took it: take\w*, ", done.stdout), done.stdout


def test_pytest_names_the_function_of_a_test_that_leaks(project):
    code = "import sys\nsys.path.insert(0, %r)\nimport takers\ndef test_take(): takers.take(kept)\n" % built("-O2")
    code += "@pytest.mark.refs(who=False)\ndef test_off(): takers.take(kept)\ndef test_quiet(): takers.borrow(kept)"
    assert project.run(code, "--refs-who", "--refs-json=found.json", "--refs-html=found.html") == 1
    project.says("took it: take, %s:%d\n" % (SOURCE, line_of("took")), "3 tests checked, 2 leaked")
    tests = json.loads(project.read("found.json"))["tests"]
    named = [one["report"]["findings"][0].get("unmatched") for one in tests if one["outcome"] == "leaked"]
    assert [names and names[0]["function"] for names in named] == ["take", None]
    assert project.read("found.html").count("took it: <strong>take</strong>") == 1
    assert tests[0]["report"]["findings"][0]["unmatched"][0]["source"] == "Py_INCREF(arg); /* took */"


def test_it_is_off_unless_asked_for(project):
    found = finding(MISTAKES["took"][0], "-O2", who=False)
    assert "unmatched" not in found and "candidates" not in found
    code = "import sys\nsys.path.insert(0, %r)\nimport takers\ndef test_take(): takers.take(kept)\n" % built("-O2")
    assert project.run(code) == 1
    project.is_silent_about("took it")


def test_nothing_is_added_where_nothing_was_found():
    found = report("takers.borrow(thing)", "-O2")
    assert found["ok"] and not [note for note in found["notes"] if "named" in note]


@pytest.mark.parametrize("name", ["jump", "split"])
def test_a_longjmp_or_a_child_in_the_traced_run(name):
    setup = SETUP + "\ndef tried():\n    assert takers.%s(thing) in (0, 3)" % name
    (culprit,) = finding("tried()", "-O2", setup=setup)["unmatched"]
    assert culprit["function"] == name
    assert culprit["line"] == line_of({"jump": "jumped"}.get(name, name))


SIGNALS = {
    "masked": "assert takers.masked(thing) == 1",
    "bad_places": "assert takers.bad_places(thing) == 1",
    "took by a run with a child": "takers.take(thing)\n    assert subprocess.run(['true']).returncode == 0",
    "handled": "takers.signalled(thing)",
    "handled at once": "assert takers.install() == 0\n    takers.signalled(thing)",
    "number": "assert takers.number(thing) == 1",
}


@pytest.mark.parametrize("case", sorted(SIGNALS))
def test_code_that_a_trap_might_end_or_change(case):
    setup = SETUP + "\nimport subprocess\ntakers.install()\ndef tried():\n    " + SIGNALS[case]
    setup += "\nimport atexit\natexit.register(lambda: print('blocks', takers.blocks_traps(), file=__import__('sys').stderr))"
    setup += "\natexit.register(lambda: print(open('/proc/self/status').read(), file=__import__('sys').stderr))"
    done = run("tried()", "-O2", "-DSIGNALS", setup=setup)
    assert "blocks 1" in done.stderr, done.stderr
    assert "\nSigBlk:\t%016d\n" % 0 in done.stderr, done.stderr
    (culprit,) = json.loads(done.stdout)["findings"][0]["unmatched"]
    where = {"handled": "handler", "took": "take"}.get(case.split()[0], case)
    assert culprit["function"] == where and culprit["line"] == line_of(case.split()[0])


def test_code_that_handles_traps_for_a_moment():
    setup = SETUP + "\ndef tried():\n    assert takers.take_traps(thing) == 3"
    found = report("tried()", "-O2", "-DSIGNALS", setup=setup)
    assert len(found["findings"]) == 1 and "unmatched" not in found["findings"][0]
    assert [note for note in found["notes"] if "handles SIGTRAP itself" in note], found["notes"]


def test_a_program_that_a_traced_run_starts():
    setup = SETUP + "\nimport os\ndef tried():\n    takers.take(thing)\n    assert os.system('exit 3') == 768"
    found = report("tried()", "-O2", setup=setup)
    assert len(found["findings"]) == 1 and "unmatched" not in found["findings"][0]
    assert [note for note in found["notes"] if "starts a program" in note], found["notes"]


@pytest.mark.parametrize(
    "statement", ["takers.call(lambda: inc(thing))", "inc(thing), takers.borrow(thing)", "takers.call(lambda: [inc(thing)])"]
)
def test_a_function_that_only_ran_beside_the_mistake_is_not_named(statement):
    setup = SETUP + "\nimport ctypes\ninc = ctypes.pythonapi.Py_IncRef\ninc.argtypes, inc.restype = [ctypes.py_object], None"
    (found,) = [one for one in report(statement, "-O2", setup=setup)["findings"] if "Thing" in one["type"]]
    assert "unmatched" not in found, found["unmatched"]


def test_a_check_in_a_traced_run():
    setup = SETUP + (
        "\nimport pyrefcore\ndef tried():\n    takers.take(thing)\n"
        "    pyrefcore.check(lambda: takers.take(thing), runs=2, windows=2, warmup=1, who=True)"
    )
    path = os.pathsep.join([PACKAGE, built("-O2")])
    done = command("check", "--who", "--json", "-n", "2", "-s", setup, "tried()", PYTHONPATH=path)
    assert done.returncode == 1 and len(json.loads(done.stdout)["findings"]) == 1, done.stderr


@pytest.mark.parametrize("traced", [1, 2])
def test_an_extension_that_is_unloaded_in_a_traced_run(traced):
    (module,) = os.listdir(built("-O2"))
    copy = os.path.join(tempfile.mkdtemp(prefix="pyrefcore-unloaded-"), "copy.so")
    shutil.copy(os.path.join(built("-O2"), module), copy)
    setup = SETUP + (
        "\nimport _ctypes, atexit, ctypes, sys\nruns = []\ncopy = ctypes.PyDLL('COPY')\ncopy.counted.restype = None\n"
        "atexit.register(lambda: print(len(runs), file=sys.stderr))\ndef tried():\n"
        "    takers.take(thing)\n    runs.append(1)\n    if len(runs) <= LAST: copy.counted()\n"
        "    if len(runs) == LAST: _ctypes.dlclose(copy._handle)"
    ).replace("COPY", copy)
    runs = int(run("tried()", "-O2", setup=setup.replace("LAST", "100000")).stderr.split()[-1])
    found = report("tried()", "-O2", setup=setup.replace("LAST", str(runs - 2 + traced)))
    assert len(found["findings"]) == 1 and "unmatched" not in found["findings"][0]
    assert [note for note in found["notes"] if "unloads a library" in note], found["notes"]


def test_an_exception_in_the_traced_run():
    statement = "takers.take(thing)\ntry: takers.make(1)\nexcept TypeError: pass"
    (culprit,) = finding(statement, "-O2")["unmatched"]
    assert culprit["function"] == "take"


@pytest.mark.parametrize("traced", [1, 2])
def test_a_function_that_raises_only_in_a_traced_run(traced):
    setup = SETUP + (
        "\nimport atexit, sys\nruns = []\natexit.register(lambda: print(len(runs), file=sys.stderr))\ndef tried():\n"
        "    takers.take(thing)\n    runs.append(1)\n    assert len(runs) != LAST"
    )
    runs = int(run("tried()", "-O2", setup=setup.replace("LAST", "-1")).stderr.split()[-1])
    found = report("tried()", "-O2", setup=setup.replace("LAST", str(runs - 2 + traced)))
    assert len(found["findings"]) == 1 and "unmatched" not in found["findings"][0]
    assert [note for note in found["notes"] if note.endswith("it raised an exception in the traced run")], found["notes"]


def test_another_thread_runs_traced_code():
    setup = SETUP + (
        "\nimport threading, time\nother = Thing()\ndone = []\ndef spin():\n"
        "    while not done:\n        takers.borrow(other)\n"
        "threading.Thread(target=spin, daemon=True).start()"
    )
    found = report("takers.take(thing)", "-O2", setup=setup)
    names = [one["function"] for one in found["findings"] if "Thing" in one["type"] for one in one.get("unmatched", [])]
    assert set(names) <= {"take"}, found
    assert [one for one in found["findings"] if "Thing" in one["type"]], found


def test_another_handler_stays_and_one_sentence_says_so():
    setup = SETUP + "\nimport signal\nsignal.signal(signal.SIGTRAP, lambda *_: None)"
    found = report(MISTAKES["took"][0], "-O2", setup=setup)
    (one,) = found["findings"]
    assert "unmatched" not in one
    assert [note for note in found["notes"] if note.endswith("this program handles SIGTRAP itself")], found["notes"]


def test_a_run_that_is_too_long_is_given_up():
    statement = "takers.take(thing)\nfor _ in range(30000): takers.borrow(None)"
    path = os.pathsep.join([PACKAGE, built("-O2")])
    done = command("check", "--who", "--json", "-n", "3", "-s", SETUP, statement, PYTHONPATH=path)
    found = json.loads(done.stdout)
    assert [note for note in found["notes"] if "20000 events" in note], found["notes"]
    assert len(found["findings"]) == 1 and "unmatched" not in found["findings"][0]


def code_of(library):
    """The executable memory of a loaded library."""
    bytes_ = b""
    with open("/proc/self/maps") as maps:
        for line in maps:
            if library in line and line.split()[1][2] == "x":
                start, end = (int(address, 16) for address in line.split()[0].split("-"))
                assert line.split()[1] == "r-xp", line
                bytes_ += ctypes.string_at(start, end - start)
    return bytes_


def test_an_extension_that_is_loaded_after_the_first_names():
    code = """
import ctypes, sys
import pyrefcore
incref = ctypes.pythonapi.Py_IncRef
incref.argtypes, incref.restype = [ctypes.py_object], None
first = pyrefcore.check(lambda: incref(object()))
assert first.findings[0].examples[0].birth[0].function, first
import takers
thing = object()
print(pyrefcore.check(lambda: takers.take(thing), who=True).findings[0].unmatched[0].frame.function)
"""
    done = python("-c", code, PYTHONPATH=os.pathsep.join([PACKAGE, built("-O2")]))
    # Its line is not known then.
    assert done.stdout == "take\n", done.stdout + done.stderr


def test_the_code_and_the_handler_are_as_before():
    import signal

    import pyrefcore

    sys.path.insert(0, built("-O2"))
    try:
        import takers
    finally:
        sys.path.pop(0)
    before, thing = code_of("/takers."), object()
    assert before
    report = pyrefcore.check(lambda: takers.take(thing), who=True)
    assert [one.frame.function for one in report.findings[0].unmatched] == ["take"], str(report)
    assert code_of("/takers.") == before
    assert signal.getsignal(signal.SIGTRAP) == signal.SIG_DFL
    with open("/proc/self/status") as status:
        caught = next(line.split()[1] for line in status if line.startswith("SigCgt:"))
    assert not int(caught, 16) >> (signal.SIGTRAP - 1) & 1
