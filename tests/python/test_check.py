"""`check` names leaked objects and objects that are released too often, and reports nothing else."""

import ctypes
import re
import sys

import pytest
from conftest import check, incref, only, program

pytestmark = pytest.mark.usefixtures("attached")


class Thing:
    pass


def test_correct_code_is_clean():
    def work():
        things = [Thing() for _ in range(10)]
        things.append({"text": "%s" % things[0], "self": things})
        return sorted(str(number) for number in range(50))

    report = check(work)
    assert report.ok and report.findings == [], str(report)
    assert not [note for note in report.notes if "grows" in note], str(report)
    assert (report.runs, report.windows) == (100, 1)


@pytest.mark.parametrize("again", range(5))
def test_a_function_that_does_nothing_is_always_clean(again):
    report = check(lambda: None)
    assert report.ok and not [note for note in report.notes if "grows" in note], str(report)


def test_a_leaked_reference_to_an_old_object():
    thing = Thing()
    found = only(check(lambda: incref(thing)))
    assert (found.kind, found.references_per_run, found.objects_per_run) == ("leak", 1.0, 0.0)
    assert found.type == "%s.Thing" % __name__
    assert found.growth == [100, 100, 100]
    example = found.examples[0]
    assert example.address == id(thing) and example.refcount - example.explained > 300
    assert "Thing object at 0x%x" % id(thing) in example.repr


def test_new_objects_that_are_leaked():
    found = only(check(lambda: incref(Thing()), runs=20))
    assert (found.references_per_run, found.objects_per_run, found.growth) == (1.0, 1.0, [20] * 3)
    assert 1 <= len(found.examples) <= 8
    assert {(one.refcount, one.explained) for one in found.examples} == {(1, 0)}
    assert not found.examples[0].referrers


def test_several_references_and_several_types():
    thing, text = Thing(), "a text of %d characters" % 23

    def leak():
        incref(thing), incref(thing)
        incref(text)

    report = check(leak, runs=10)
    assert [(one.type.split(".")[-1], one.references_per_run) for one in report.findings] == [
        ("Thing", 2.0),
        ("str", 1.0),
    ]


def test_references_that_are_visibly_held_are_no_leak():
    kept = []
    assert check(lambda: kept.append(Thing())).ok


def test_the_holders_of_an_example_are_shown():
    thing = Thing()
    holder = {"name": thing}
    found = only(check(lambda: incref(thing)))
    assert id(holder) in [one.address for one in found.examples[0].referrers]
    assert "dict" in [one.type for one in found.examples[0].referrers]


def test_a_growth_that_differs_is_a_note():
    turn = [0]
    thing = Thing()

    def leak():
        turn[0] += 1
        if turn[0] % 7 == 0 or turn[0] % 11 == 0:
            incref(thing)
        if turn[0] > 250:
            incref(thing)
        if turn[0] > 450:
            incref(thing)

    report = check(leak, runs=100, warmup=100)
    assert report.findings == []
    assert any("Thing grows, but not by the same amount" in note for note in report.notes), str(report)


@pytest.mark.parametrize("missing, growth", [((5,), [10] * 3), ((5, 6), [])])
def test_a_growth_that_is_nearly_the_same_is_measured_again(missing, growth):
    turn, thing = [0], Thing()

    def leak():
        turn[0] += 1
        if turn[0] not in missing:
            incref(thing)

    report = check(leak, runs=10, warmup=0)
    assert [one.growth for one in report.findings] == [growth] * bool(growth), str(report)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="small integers are immortal")
def test_references_to_objects_of_the_check_itself_are_counted_too():
    found = only(check(lambda: incref(0)))
    assert (found.type, found.growth) == ("int", [100] * 3)


def test_leaked_iterators():
    assert only(check(lambda: incref(iter(range(3))))).growth == [100] * 3


def test_a_growth_that_stops_is_no_finding():
    kept = []

    def leak():
        # Grows for so many runs, and ever faster, that only the warm-up can hide it.
        if len(kept) < 350:
            kept.append(1)
            for _ in range(1 + len(kept) // 100):
                incref(Thing())

    report = check(leak)
    assert report.ok and not [note for note in report.notes if "grows" in note], str(report)


@pytest.mark.parametrize("make", ["chr(number)", "every[number : number + 1]"])
def test_characters_that_python_caches_are_made_before(make):
    out = program("""
every = bytes(range(256))
numbers = iter(range(128, 256))
def work():
    number = next(numbers, 0)
    %s
print(pyrefcore.check(work, runs=10).findings)
""" % make)
    assert out == "[]\n"


def test_arguments_of_the_check():
    thing = Thing()
    report = check(lambda: incref(thing), runs=7, warmup=3, windows=5, subject="seven")
    assert (report.runs, report.windows, report.subject) == (7, 5, "seven")
    assert only(report).growth == [7] * 5
    assert str(report).startswith("pyrefcore: seven: 1 finding (5 windows of 7 runs)")


def test_no_guard_holds_nothing():
    report = check(lambda: None, guard=False)
    assert report.ok and not [note for note in report.notes if "held during" in note]
    assert [note for note in check(lambda: None).notes if "held during" in note]


def test_the_guard_gives_back_its_references():
    thing = Thing()
    before = sys.getrefcount(thing)
    check(lambda: None)
    assert sys.getrefcount(thing) == before


def test_births_are_recorded_when_there_are_findings():
    found = only(check(lambda: incref(Thing())))
    assert found.examples[0].birth, found
    assert any(frame.library for frame in found.examples[0].birth)
    assert only(check(lambda: incref(Thing()), births=False)).examples[0].birth == []


def test_tracemalloc_knows_the_line_of_a_birth():
    out = program("""
import tracemalloc
tracemalloc.start(3)
class Slim:
    __slots__ = ()
report = pyrefcore.check(lambda: incref(Slim()))
print(report.findings[0].examples[0].python, bool(report.findings[0].examples[0].birth))
""")
    assert re.match(r"<string>:\d+ True\n", out), out


def test_a_report_is_true_where_nothing_was_found():
    kept = object()
    assert check(list)
    assert not check(lambda: incref(kept))


@pytest.mark.slow
def test_repr_runs_code_only_when_asked():
    class Loud:
        def __repr__(self):
            return "loud"

    loud = Loud()
    assert only(check(lambda: incref(loud))).examples[0].repr != "loud"
    assert only(check(lambda: incref(loud), unsafe_repr=True)).examples[0].repr == "loud"


def test_a_cache_that_fills_up_is_no_finding():
    calls = []

    def fill():
        calls.append(None)
        if len(calls) <= 41:
            incref(Thing())

    assert check(fill, runs=10).ok
    assert len(calls) == 6 * 10


def test_objects_that_only_pins_hold_do_not_grow():
    old, kept = [Thing() for _ in range(1000)], []

    def replace():
        del old[:]
        kept.append(Thing())

    assert check(replace, runs=10).ok


def test_a_word_that_hides_one_of_many_hides_no_leak():
    # The instance of a C type without tp_traverse contains this array.
    words, runs = (ctypes.c_size_t * 1)(), [0]

    def leak():
        thing = Thing()
        incref(thing)
        runs[0] += 1
        if runs[0] % 100 == 50 and runs[0] > 400:
            words[0] = id(thing)

    assert only(check(leak, warmup=200)).growth == [100] * 3


def test_progress_is_reported():
    told = []
    check(lambda: None, progress=told.append)
    assert told[-1] == "nothing changes"
    del told[:]
    check(lambda: incref(told), progress=told.append)
    assert told == ["warming up, window 1", "warming up, window 2"] + ["window %d of 3" % n for n in (3, 1, 2, 3)]


def test_a_window_that_changes_nothing_is_enough():
    calls = [None] * 1000
    ended = iter(range(1000))

    def quiet():
        calls[next(ended)] = Thing

    report = check(quiet)
    assert report.ok and report.windows == 1 and calls.count(Thing) % 100 == 0 and calls.count(Thing) <= 400
    report = check(lambda: None, warmup=5)
    assert report.ok and report.windows == 3


def test_a_leak_after_a_change_is_still_found():
    calls, thing = [None] * 2000, Thing()
    ended = iter(range(2000))

    def late():
        at = next(ended)
        calls[at] = [Thing()] if at < 50 else Thing
        if at >= 50:
            incref(thing)

    assert only(check(late)).references_per_run == 1


def test_a_string_that_grows_while_it_is_held_is_released():
    out = program("""
import io
streams = [io.StringIO() for _ in range(1000)]
for number, stream in enumerate(streams):
    stream.write("%050d" % number)
more = iter(streams)
print(pyrefcore.check(lambda: next(more).write("y" * 500), runs=100).ok)
texts = [stream.getvalue() for stream in streams]
del stream, streams, more
print(all(sys.getrefcount(text) < 10 for text in texts), [int(text[:50]) for text in texts] == list(range(1000)))
many = [["%d" % n * 12] for n in range(100000)]
print(all(sys.getrefcount(text) < 10 for text, in many))
""")
    assert out == "True\nTrue True\nTrue\n"


def test_a_detached_library_attaches_again(attached):
    assert attached.attached()
    attached.detach()
    assert not attached.attached()
    thing = Thing()
    assert only(check(lambda: incref(thing))).references_per_run == 1.0
    assert attached.attached()


def test_callbacks_of_atexit_are_held():
    out = program(
        """
import atexit
def one():
    atexit.register(lambda: None, Thing(), thing=[Thing()])
print(pyrefcore.check(one, runs=7))
def other():
    function = lambda: None
    atexit.register(function, Thing())
    atexit.unregister(function)
print(pyrefcore.check(other, runs=7))
kept = Thing()
print(pyrefcore.check(lambda: (atexit.register(print, kept), incref(kept)), runs=7))
atexit._clear()
"""
    )
    registered, unregistered, leaked = out.split("pyrefcore: ")[1:]
    assert ": clean (" in registered and ": clean (" in unregistered
    assert "1 finding " in leaked and "leak: 1 reference to __main__.Thing per run" in leaked


@pytest.mark.parametrize("stops", ["tracemalloc.stop()", "snapshot = None"])
def test_another_allocator_that_removes_the_hook_is_noticed(stops):
    out = program(
        """
import tracemalloc
pyrefcore.detach()
tracemalloc.start()
pyrefcore.attach()
%s
print(pyrefcore.check(lambda: incref(Thing())).findings[0].type)
tracemalloc.start()
print(pyrefcore.check(lambda: incref(Thing())).findings[0].type)
tracemalloc.stop()
print(pyrefcore.check(lambda: Thing()).findings)
"""
        % stops
    )
    assert out.split() == ["__main__.Thing", "__main__.Thing", "[]"]


def test_an_audit_runs_no_repr():
    out = program("""
class Loud:
    def __repr__(self):
        return "loud"
one = Loud()
kept = [one, one, one]
decref(one)
for unsafe in ({}, {"unsafe_repr": True}):
    found, = [found for found in pyrefcore.audit(**unsafe).findings if found.type.endswith("Loud")]
    print(found.examples[0].repr.split(" at ")[0])
incref(one)
""")
    assert out == "<__main__.Loud object\nloud\n"


def test_an_example_shows_eight_neighbours_in_each_direction():
    held = [Thing() for _ in range(20)]
    thing = [held[at] for at in range(20)]
    holders = [[thing] for _ in range(20)]
    example = only(check(lambda: incref(thing), runs=5)).examples[0]
    assert (len(example.referrers), len(example.referents)) == (8, 8), holders


def test_a_rare_leak_in_two_windows_has_a_birth():
    """Every tenth run leaks, so more than three runs are recorded."""
    runs = [0]

    def leak():
        runs[0] += 1
        if runs[0] % 10 == 0:
            incref(Thing())

    example = only(check(leak, windows=2)).examples[0]
    assert example.birth or example.first_used
