"""An over-release is found and survived, if the object is older than the run or dies in it."""

import json
import sys
import sysconfig

import pytest
from conftest import check, program

pytestmark = pytest.mark.usefixtures("attached")

# Dead objects are not held back in a free-threaded Python, whose collector walks over freed memory. With Py_REF_DEBUG
# the interpreter ends the process when a count falls below zero.
HOLDS_BACK = not sysconfig.get_config_var("Py_GIL_DISABLED") and not hasattr(sys, "gettotalrefcount")
holds_back = pytest.mark.skipif(not HOLDS_BACK, reason="no memory is held back, or the interpreter itself is loud")


def test_an_over_release_is_found_and_survived():
    out = program("""
died = []
class Mortal:
    def __del__(self):
        died.append(self)
thing = Mortal()
report = pyrefcore.check(lambda: decref(thing))
found, = report.findings
print(found.kind, found.type, found.references_per_run, found.growth, any("stay held" in note for note in report.notes))
example = found.examples[0]
print(example.address == id(thing), example.refcount < example.explained)
report = pyrefcore.check(lambda: decref(thing))
print(report.findings[0].kind, died)
del thing
gc.collect()
print(died)
""")
    assert out == "over-release __main__.Mortal -1.0 [-100, -100, -100] True\nTrue True\nover-release []\n[]\n"


def test_objects_of_the_first_run_are_held_too():
    out = program("""
died = []
class Mortal:
    def __del__(self):
        died.append(self)
made = []
def release():
    if made:
        decref(made[0])
    else:
        made.append(Mortal())
found, = pyrefcore.check(release).findings
print(found.kind, died)
""")
    assert out == "over-release []\n"


def test_a_loss_on_one_object_does_not_hide_a_leak_on_another():
    out = program("""
class Thing: pass
rich, thing = Thing(), Thing()
for _ in range(2000):
    incref(rich)
def swap():
    decref(rich)
    incref(thing)
print(sorted(finding.kind for finding in pyrefcore.check(swap).findings))
""")
    assert out == "['leak', 'over-release']\n"


def test_a_class_is_held_like_anything_else():
    out = program("""
found, = pyrefcore.check(lambda: decref(Thing)).findings
print(found.kind, found.type, found.classes, found.references_per_run)
gc.collect()
print(Thing().__class__ is Thing)
""")
    assert out == "over-release type ['__main__.Thing'] -1.0\nTrue\n"


# `holds_a_dead_one` releases the object of `make` once too often: the object dies, and then its list releases it again.
DEAD = """
import functools
class Slim:
    __slots__ = "one", "other"
def holds_a_dead_one(make):
    held = [make()]
    decref(held[0])
def checked(make, **more):
    return pyrefcore.check(functools.partial(holds_a_dead_one, make), **more)
"""


@holds_back
@pytest.mark.parametrize(
    "kind, make",
    [
        ("__main__.Thing", "Thing"),
        ("__main__.Slim", "Slim"),
        ("str", "lambda: 'a text of %d characters' % len(sys.path)"),
        ("bytearray", "lambda: bytearray(10)"),
    ],
)
def test_an_over_release_of_an_object_that_dies_in_the_same_run_is_found(kind, make):
    out = program(DEAD + """
report = checked(%s)
found, = report.findings
print(found.kind, found.type, found.references_per_run, found.growth)
print({(one.died, one.refcount, one.explained, one.repr) for one in found.examples}, bool(found.examples[0].birth))
print([note for note in report.notes if "stay held" in note], any("held back" in note for note in report.notes))
""" % make)
    assert out.splitlines() == [
        "over-release %s -1.0 [-100, -100, -100]" % kind,
        "{(True, -1, 0, '<a %s that had died>')} True" % kind,
        "[] True",
    ]


@holds_back
def test_an_object_used_after_its_death_dies_once_more_and_is_freed_once():
    out = program(DEAD + """
def uses(kind=Slim):
    held = [kind()]
    decref(held[0])
    held[0]
    del held[0]
found = pyrefcore.check(uses).findings
print(sorted((one.type, one.references_per_run) for one in found if not one.classes))
""")
    assert out == "[('__main__.Slim', -1.0)]\n"


@holds_back
def test_an_over_release_before_the_memory_is_reused_is_still_reported():
    out = program(DEAD + """
def works():
    holds_a_dead_one(Thing)
    return [str(number) for number in range(1000, 4000)]
found, = pyrefcore.check(works, runs=20).findings
print(found.type, found.references_per_run)
""")
    assert out == "__main__.Thing -1.0\n"


@holds_back
def test_each_of_many_is_reported_once():
    out = program(DEAD + """
def works():
    for _ in range(30): holds_a_dead_one(Thing)
print([(one.type, one.references_per_run) for one in pyrefcore.check(works).findings])
""")
    assert out == "[('__main__.Thing', -30.0)]\n"


@holds_back
def test_reports_show_dead_objects():
    out = program(DEAD + """
report = checked(Thing)
print(report.to_json())
assert "that had died" in report.to_html()
assert "1 reference too few, 0 visibly held: <a __main__.Thing that had died>" in str(report), report
""")
    example = json.loads(out)["findings"][0]["examples"][0]
    assert example["died"] and example["referrers"] == example["referents"] == []


# Then the dead object's type is unknown, and there is no finding.
@holds_back
def test_the_type_of_a_dead_object_may_be_gone():
    out = program(DEAD + """
def works():
    holds_a_dead_one(type("Short", (), {"__slots__": ()}))
report = pyrefcore.check(works, runs=5)
print(report.error, report.windows > 0)
""")
    assert out == "None True\n"


def test_all_memory_is_given_back_in_the_end():
    def work():
        return [str(number) for number in range(1000)]

    check(work)
    before = sys.getallocatedblocks()
    check(work)
    assert abs(sys.getallocatedblocks() - before) < 1000


@holds_back
def test_each_reference_is_counted():
    out = program(DEAD + """
def works():
    held = [Thing()]
    address = id(held[0])
    decref(held[0])
    # Counted as extensions for the stable ABI of old do, which know no immortal objects.
    ctypes.c_ssize_t.from_address(address).value -= 3
report = pyrefcore.check(works)
print([(one.type, one.references_per_run) for one in report.findings])
""")
    # Up to 3.11 the dying list releases one more reference. From 3.12 on the object looks immortal to it.
    references = 4 if sys.version_info < (3, 12) else 3
    assert out == "[('__main__.Thing', -%d.0)]\n" % references


@holds_back
def test_an_object_that_died_long_ago_is_still_held_back():
    out = program(DEAD + """
def works():
    held = [Thing()]
    decref(held[0])
    [str(number) for number in range(1000, 4000)]
    held.append([Thing() for _ in range(100)])
print([(one.type, one.references_per_run) for one in pyrefcore.check(works, runs=10).findings])
""")
    assert out == "[('__main__.Thing', -1.0)]\n"


def test_a_shown_object_without_references_outlives_the_guard():
    out = program("""
died = []
class Mortal:
    def __del__(self):
        died.append(1)
box, released = [Mortal()], []
def works():
    if not released:
        released.append(1)
        decref(box[0])
pyrefcore.check(works)
print(died, type(box[0]).__name__)
""")
    assert out == "[] Mortal\n"


def test_an_object_over_released_by_a_run_that_raises_outlives_the_guard():
    out = program("""
died = []
class Mortal:
    def __del__(self):
        died.append(1)
box = [Mortal()]
def works():
    decref(box[0])
    raise KeyboardInterrupt
try:
    pyrefcore.check(works)
except KeyboardInterrupt:
    print(died, type(box[0]).__name__)
""")
    assert out == "[] Mortal\n"


def test_counts_under_the_guard():
    out = program("""
thing = Thing()
before = sys.getrefcount(thing)
seen, looks = [], []
def counts():
    if len(seen) < 1:
        seen.append(sys.getrefcount(thing) - before)
def refuses():
    looks.append(1)
    if ctypes.c_int.from_address(id(thing)).value > 1000:
        raise ValueError("too many references")
pyrefcore.check(counts)
report = pyrefcore.check(refuses)
print(seen, report.error, report.ok, any("too many references" in note for note in report.notes))
print(sys.getrefcount(thing) - before)
""")
    assert out == "[0] None True True\n0\n"


@pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="what dies is not held back")
def test_an_object_used_after_its_death_dies_again():
    code = """
incref, decref = [ctypes.PYFUNCTYPE(None, ctypes.c_void_p)((name, ctypes.pythonapi)) for name in ("Py_IncRef", "Py_DecRef")]
def use():
    place = id(object())
    incref(place), decref(place)
found, = pyrefcore.check(use).findings
print(found.kind, found.type, found.references_per_run, all(one.died for one in found.examples))
print(pyrefcore.check(lambda: id(object())).ok)
"""
    assert program(code) == "over-release object -1.0 True\nTrue\n"


def test_a_report_says_where_nothing_is_guarded():
    from pyrefcore.core import host

    notes = check(lambda: None, runs=2).notes
    assert any("not guarded" in note for note in notes) == host.is_free_threaded_build()
