"""Classes, functions, modules and code: free-threaded builds count these in tables of each thread, and leave their
deaths to the collector."""

import types

import pytest

from conftest import check, decref, incref, only, program


class Thing:
    pass


def function():
    pass


module = types.ModuleType("module")
LEAKED = {"type": Thing, "function": function, "module": module, "code": function.__code__, "dict": vars(module)}
MADE = {
    "test_left_to_collector.Thing": Thing,
    "function": lambda: lambda: 1,
    "module": lambda: types.ModuleType("m"),
    "type": lambda: type("Made", (), {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LEAKED)
def test_a_leaked_reference(attached, name):
    thing = LEAKED[name]
    found = only(check(lambda: incref(thing)))
    assert (found.kind, found.type, found.references_per_run, found.objects_per_run) == ("leak", name, 1, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_a_leaked_object(attached, name):
    make = MADE[name]
    found = only(check(lambda: incref(make())))
    assert (found.kind, found.type, found.references_per_run, found.objects_per_run) == ("leak", name, 1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_objects_that_are_kept_or_die(attached, name):
    make, kept = MADE[name], []
    assert check(make).findings == []
    assert check(lambda: kept.append(make())).findings == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["type", "function"])
def test_a_reference_that_is_released_too_often(attached, name):
    thing = LEAKED[name]
    spare = 2000
    for _ in range(spare):
        incref(thing)
    found = only(check(lambda: decref(thing)))
    assert (found.kind, found.type, found.references_per_run) == ("over-release", name, -1)
    # The over-released object stays pinned after the check.
    assert len(found.examples) == 1


ONCE = """
class Made: pass
made = [Made() for _ in range(1000)]
functions = [lambda: made for _ in range(1000)]
pyrefcore.attach()
more = [Made() for _ in range(1000)]
functions += [lambda: made for _ in range(1000)]
del made[::2], functions[::2]
print([(one.kind, one.type, one.references_per_run) for one in pyrefcore.audit().findings])
"""


def test_the_counts_of_threads_are_added(attached):
    """No collection comes between the counting and the snapshot, so the threads' counts are not merged."""
    assert program(ONCE) == "[]\n"
