"""A window in which no count changes ends a check without a snapshot. What a look must see."""

import ctypes
import sys

import pytest
from pyrefcore import check
from pyrefcore.core import native, windows

pytest_plugins = ["pytester", "project"]
pytestmark = pytest.mark.usefixtures("attached")

incref, decref = ctypes.pythonapi.Py_IncRef, ctypes.pythonapi.Py_DecRef
for function in (incref, decref):
    function.argtypes, function.restype = [ctypes.py_object], None


class Thing:
    pass


@pytest.fixture
def snapshots(monkeypatch):
    """The number of snapshots that checks have taken."""
    taken = [0]
    take = windows.Windows.snapshot

    def count(self):
        taken[0] += 1
        take(self)

    monkeypatch.setattr(windows.Windows, "snapshot", count)
    return taken


def replaces(kept=[Thing()]):
    kept[0] = Thing()


QUIET = {
    "nothing": lambda: None,
    "objects that die": lambda: [[], {}, Thing(), "%d" % 10**9, (1.5,)],
    "keys that CPython parks": lambda: {"one": 1}.copy(),
    "garbage": lambda: (lambda circle: circle.append(circle))([]),
    "an object that each run replaces": replaces,
}


@pytest.mark.parametrize("what", QUIET)
def test_a_quiet_function_needs_no_snapshot(snapshots, what):
    report = check(QUIET[what], runs=2)
    assert report.ok and report.windows == 1
    assert snapshots[0] == 0 or what == "an object that each run replaces"


def test_windows_after_a_warm_up_take_snapshots(snapshots):
    assert check(lambda: None, warmup=1).windows == 3
    assert snapshots[0] > 3


@pytest.mark.parametrize("runs", [5, 100])
def test_a_leak_that_another_loss_balances(runs):
    """One object gains a reference in each run, and one of the same type loses one."""
    rich, poor = Thing(), Thing()
    for _ in range(5 * runs + 50):
        incref(rich)

    def swap():
        decref(rich)
        incref(poor)

    found = {one.kind: one.references_per_run for one in check(swap, runs=runs).findings}
    assert found["leak"] == 1


def test_an_item_that_a_list_never_counted():
    """The item's count does not change, but the list gets longer. It has room for all items, so no block changes."""
    thing, kept = Thing(), [None] * 1000
    del kept[600:]
    for _ in range(2000):
        incref(thing)

    def steal():
        kept.append(thing)
        decref(thing)

    findings = check(steal, runs=10).findings
    assert [(one.kind, one.references_per_run) for one in findings] == [("over-release", -1)]
    for _ in kept[600:]:
        incref(thing)


def test_memory_that_no_object_holds():
    malloc = ctypes.pythonapi.PyMem_Malloc
    malloc.argtypes, malloc.restype = [ctypes.c_size_t], None
    findings = check(lambda: malloc(48), runs=10).findings
    assert [(one.kind, one.bytes_per_run) for one in findings] == [("memory", 48)]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="static types are immortal from 3.12 on")
def test_a_static_type():
    findings = check(lambda: incref(type(iter(()))), runs=10).findings
    assert [one.references_per_run for one in findings] == [1]


def test_a_check_within_a_check(snapshots):
    """The library has one guard, so the inner check takes snapshots."""
    inner, held = [], []

    def outer():
        inner[:] = [check(lambda: incref(Thing()), runs=2)]
        held.append(native.library().pyrefcore_guard_held())

    check(outer, runs=2)
    assert held[1] > 0, "the inner check has ended the guard of the outer one"
    assert [one.references_per_run for one in inner[0].findings] == [1]
    assert check(lambda: None, runs=2).ok
    taken = snapshots[0]
    assert check(lambda: None, runs=2).ok and snapshots[0] == taken, "looks are used again"


# The eighth run is the first to leak.
LATE = """
import ctypes, pytest
incref = ctypes.pythonapi.Py_IncRef
incref.argtypes, incref.restype = [ctypes.py_object], None
class Thing: pass
# Up to 3.11 a counter would change the counts of numbers.
thing, runs = Thing(), iter([None] * 7)
# The first tests of a session fill caches.
def test_first(): pass
def test_second(): pass
@pytest.mark.refs(%s)
def test_it():
    if next(runs, thing) is thing: incref(thing)
"""


def test_a_late_leak_needs_thorough_windows(project):
    assert project.run(LATE % "", refs=("--refs",)) == 0
    assert project.run(LATE % "", refs=("--refs", "--refs-thorough")) == 1
    project.says("1 leaked")


def test_a_marker_asks_for_thorough_windows(project):
    assert project.run(LATE % "thorough=True", refs=("--refs",)) == 1
    assert project.run(LATE % "expect=['test_it.Thing']", refs=("--refs",)) == 0
    assert project.run(LATE % "thorough=1", refs=("--refs",)) == 4
    project.says("needs thorough to be True or False")
