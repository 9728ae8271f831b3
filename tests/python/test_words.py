"""Words in the fields of C types: a reference there explains growth, and an old address explains nothing."""

import ast
import importlib.util
import os
import sys

import conftest
import extension
import pytest

pytestmark = pytest.mark.usefixtures("attached")

PRELUDE = """
import sys
import pyrefcore, words
from pyrefcore.core import windows
windows.ZEROES = %s
class Thing: pass
class Other: pass
def told(statement, **more):
    report = pyrefcore.check(statement, **more)
    print([(one.kind, one.type.split(".")[-1], one.references_per_run) for one in report.findings])
"""


def program(code, zeroes=True, **environment):
    path = os.pathsep.join([conftest.PACKAGE, extension.build("words")] + sys.path)
    done = conftest.python("-W", "ignore", "-c", PRELUDE % zeroes + code, PYTHONPATH=path, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("zeroes", [True, False])
@pytest.mark.parametrize("held", ["Thing()", "object()", "kept", "(kept, [])", "str(len(keep))"])
def test_references_that_new_instances_hold_are_clean(held, zeroes):
    out = program("keep, kept = [], Thing()\ntold(lambda: keep.append(words.hold(%s)))" % held, zeroes)
    assert out == "[]"


@pytest.mark.parametrize("zeroes", [True, False])
def test_an_instance_may_store_one_reference_in_three_fields(zeroes):
    out = program("keep, kept = [], Thing()\ntold(lambda: keep.append(words.hold_thrice(kept)))", zeroes)
    assert out == "[]"


def test_a_field_that_is_set_anew_in_each_run_is_clean():
    assert program("keep = []\ntold(lambda: (keep.clear(), keep.append(words.hold(Thing()))))") == "[]"


def test_words_of_dead_instances_excuse_nothing():
    out = program("""
kept = Thing()
keep = [words.hold(kept) for _ in range(5000)]
told(lambda: keep.pop())
""")
    assert out == "[]"


@pytest.mark.parametrize("zeroes", [True, False])
def test_a_leak_beside_instances_that_hold_is_counted_alone(zeroes):
    out = program("keep = []\ntold(lambda: (keep.append(words.hold(Thing())), words.leak(Thing())))", zeroes)
    assert out == "[('leak', 'Thing', 1.0)]"


OLD = """
dead = [Thing() for _ in range(3300)] + [Other() for _ in range(330)]
places = tuple(id(one) for one in dead)
keep = [words.full(places[at : at + 330]) for at in range(0, len(places), 110)]
keep += [words.full(places) for _ in range(300)] + [words.full(places[-330:]) for _ in range(100)]
del dead[:], places
"""


@pytest.mark.parametrize("zeroes", [True, False])
def test_addresses_of_dead_objects_excuse_no_leak(zeroes):
    out = program(OLD + "told(lambda: words.leak(Thing()))", zeroes)
    assert out == "[('leak', 'Thing', 1.0)]"


@pytest.mark.parametrize("zeroes", [True, False])
def test_addresses_of_a_living_object_excuse_no_leak_of_it(zeroes):
    out = program("""
kept = Thing()
keep = [words.full((id(kept),)) for _ in range(300)]
told(lambda: words.leak(kept))
""", zeroes)
    assert out == "[('leak', 'Thing', 1.0)]"


@pytest.mark.parametrize("zeroes", [True, False])
def test_instances_that_are_leaked_with_old_words_excuse_no_other_leak(zeroes):
    # In each run new instances, whose words are never written, reuse the memory of dead objects.
    out = program("""
def run():
    dead = [Thing() for _ in range(40)]
    words.full(tuple(map(id, dead)))
    words.full(tuple(map(id, dead[::-1])))
    del dead
    words.leak(words.raw())
    words.leak(words.raw())
    words.leak(Thing())
told(run)
""", zeroes)
    assert out == "[('leak', 'Full', 2.0), ('leak', 'Thing', 1.0)]"


@pytest.mark.parametrize("zeroes", [True, False])
def test_old_words_in_a_growing_list_of_instances_excuse_no_leak(zeroes):
    out = program("""
kept = []
def run():
    dead = [Thing() for _ in range(50)]
    words.full(tuple(map(id, dead)))
    del dead
    kept.append(words.raw())
    words.leak(Thing())
told(run)
""", zeroes)
    assert out == "[('leak', 'Thing', 1.0)]"


def test_an_old_address_holds_no_new_object():
    """New objects get the memory of dead ones. Only the leaked lists hold them."""
    out = program("""
dead = [Thing() for _ in range(330)]
keep = words.full(tuple(id(one) for one in dead))
del dead[:]
report = pyrefcore.check(lambda: words.leak([Thing()]), runs=20)
print([(one.type, [(held.type, held.objects) for held in one.folded]) for one in report.findings])
""")
    assert out == "[('list', [('__main__.Thing', 1.0)])]"


def test_dangling_words_among_honest_ones_excuse_no_leak():
    out = program("""
dead = [Thing() for _ in range(2000)]
keep, more = [words.dangle(id(one)) for one in dead], []
del dead[:]
def run():
    more.extend(words.hold(len(more) + 0.5) for _ in range(30))
    words.leak(Thing())
told(run)
sys.stdout.flush()
import os
os._exit(0)
""")
    assert out == "[('leak', 'Thing', 1.0)]"


# Each run leaves the addresses at other places, or all runs at the same places.
@pytest.mark.slow
@pytest.mark.parametrize("turn", ["len(keep) % 40", "0"])
def test_new_instances_that_are_full_of_old_addresses_excuse_no_leak(turn):
    out = program("""
keep = []
def run():
    dead = [Thing() for _ in range(40)]
    turn = %s
    keep.append(words.full(tuple(map(id, dead[turn:] + dead[:turn]))))
    del dead
    words.leak(Thing())
# What dies lies in no quarantine, so that the next object is born there.
told(run, guard=False)
""" % turn)
    assert out == "[('leak', 'Thing', 1.0)]"


@pytest.mark.parametrize("zeroes", [True, False])
def test_a_circle_that_old_words_point_into_is_found(zeroes):
    out = program("""
import gc
def circle():
    one = [None]
    one[0] = one
    # Untracked, so that the collector never comes.
    untrack(one)
import ctypes
untrack = ctypes.pythonapi.PyObject_GC_UnTrack
untrack.argtypes, untrack.restype = [ctypes.py_object], None
dead = [[] for _ in range(3300)]
places = tuple(map(id, dead))
keep = [words.full(places[at : at + 330]) for at in range(0, 3300, 330)]
del dead[:], places
told(circle)
""", zeroes)
    assert out == "[('leak', 'list', 1.0)]"


def test_memory_is_handed_out_zeroed_while_a_check_runs():
    code = """
seen = []
def run():
    words.full((1,))
    seen.append((words.used(words.raw()), words.grown()))
pyrefcore.check(run, runs=3)
print(set(seen), words.full((1,)) and words.used(words.raw()) > 0)
"""
    assert program(code) == "{(0, 0)} True"
    assert program(code, zeroes=False) != "{(0, 0)} True"


@pytest.mark.skipif(hasattr(sys, "gettotalrefcount"), reason="a debug build's pattern is never off")
def test_memory_that_cpython_fills_stays_filled():
    out = program("seen = set()\npyrefcore.check(lambda: seen.add(words.used(words.raw())))\nprint(seen)", PYTHONMALLOC="debug")
    assert out == "{330}"


@pytest.mark.parametrize("perturb", ["0", "165"])
def test_the_fill_byte_of_the_c_library_changes_no_finding(perturb):
    if importlib.util.find_spec("numpy") is None:
        pytest.skip("there is no numpy")
    code = """
import numpy
numbers = numpy.zeros(3)
told(lambda: (words.leak(numbers.flat), words.leak(Thing()), words.leak([])))
"""
    found = program(code, zeroes=False, MALLOC_PERTURB_=perturb)
    # Some numpy versions do not allocate the iterator in the object domain. Then the array that it holds is found.
    names = [name.replace("ndarray", "flatiter") for _, name, number in ast.literal_eval(found) if number == 1.0]
    assert sorted(names) == ["Thing", "flatiter", "list"]
