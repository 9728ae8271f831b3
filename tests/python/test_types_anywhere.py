"""Objects are seen and guarded for types in any memory: of malloc, of mmap, or in a library's data."""

import os
import sys

import pytest

import conftest
import extension

KINDS = {"malloc": "InMalloc", "pymem": "InPyMem", "mmap": "InMmap", "meta": "WithMeta"}
UNREADY = {"unready": "Unready", "unready in malloc": "UnreadyInMalloc"}
MODULE = "types_anywhere"
# A reference mistake without an extension.
INCREF = """
import ctypes
incref = ctypes.pythonapi.Py_IncRef
incref.argtypes, incref.restype = [ctypes.py_object], None
"""


def only(report, kind, name, per_run=1):
    """The report has one finding, of that kind and type, with that number of references per run."""
    told = [(one["kind"], one["type"], one["references_per_run"]) for one in report["findings"]]
    assert told == [(kind, name, per_run)], report


@pytest.mark.parametrize("kind", list(KINDS) + list(UNREADY))
def test_a_leaked_instance(attached, kind):
    """The first run of the function makes the type, long after the audit was attached."""
    report = extension.check(MODULE, "", "types_anywhere.leak(%r)" % kind)
    only(report, "leak", "types_anywhere." + {**KINDS, **UNREADY}[kind])
    assert report["findings"][0]["objects_per_run"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_leaked_reference(attached, kind):
    setup = "thing = types_anywhere.make(%r)" % kind
    only(extension.check(MODULE, INCREF + setup, "incref(thing)"), "leak", "types_anywhere." + KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_an_instance_that_is_released_too_often(attached, kind):
    """Without the guard the instance would die in the second run."""
    report = extension.check(MODULE, "thing = types_anywhere.make(%r)" % kind, "types_anywhere.over(thing)")
    only(report, "over-release", "types_anywhere." + KINDS[kind], -1)


@pytest.mark.parametrize("kind", KINDS)
def test_instances_that_live_and_die(attached, kind):
    setup = "kept = [types_anywhere.make(%r) for _ in range(3)]" % kind
    statement = "kept[0] = types_anywhere.make(%r); kept.append(kept.pop(0))" % kind
    assert extension.check(MODULE, setup, statement)["findings"] == []


def test_a_type_may_have_any_name(attached):
    """A ready type in a block needs no name that can be shown."""
    report = extension.check(MODULE, INCREF + "kind = type('a\\tb', (), {})", "incref(kind())")
    only(report, "leak", r"__main__.a\tb")


def test_types_made_anew_hold_their_parts(attached):
    """Only such a type holds its dict and its bases, and only its instance leads to the type."""
    assert extension.check(MODULE, "kept = []", "kept.append(types_anywhere.make_type())")["findings"] == []


def test_an_object_in_no_block_has_all_its_references(attached):
    """The collector does not track the tuples. The walk meets them before and after the list, which is tracked."""
    code = """
import gc
sys.path.insert(0, %r)
import types_anywhere
thing = types_anywhere.outside()
tuples = [(thing,) * length for length in range(1, 21)]
gc.collect()
assert not any(map(gc.is_tracked, tuples))
pyrefcore.attach()
assert pyrefcore.audit().ok
types_anywhere.over(thing)
found, = pyrefcore.audit().findings
print(found.references_per_run, found.examples[0].explained)
"""
    # One variable and 210 items hold the object.
    assert conftest.program(code % extension.build(MODULE)) == "-1.0 211\n"


def test_a_number_in_front_of_a_type(attached):
    """A growing counter in static data, next to the address of a type, is no object."""
    assert extension.check(MODULE, "types_anywhere.leak('unready')", "types_anywhere.count_call()")["findings"] == []


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="static objects are immortal")
def test_a_static_object_that_nothing_holds(attached):
    for call, wanted in (("leak", ("leak", 1)), ("drop", ("over-release", -1)), ("get", None)):
        report = extension.check("static_object", "", "static_object.%s()" % call)
        if wanted is None:
            assert report["findings"] == []
        else:
            only(report, wanted[0], "static_object.Descr", wanted[1])


OVERRIDDEN = """
class Meta(type):
    def __subclasses__(cls): raise ValueError("no one may ask this")
    def mro(cls): return type.mro(cls)
class Base(metaclass=Meta): pass
class Thing(Base): pass
for _ in range(50):
    type("Dead", (Base,), {})
import gc; gc.collect()
"""


def test_a_metaclass_that_hides_its_subclasses(attached):
    """Dead subclasses do not matter either."""
    report = extension.check(MODULE, INCREF + OVERRIDDEN, "incref(Thing())")
    only(report, "leak", "__main__.Thing")


@pytest.mark.parametrize("made, name", [("(ctypes.c_int * 3)()", "c_int_Array_3"), ("Pair()", "Pair"), ("ctypes.pointer(one)", "LP_Pair")])
def test_types_that_ctypes_makes(attached, made, name):
    setup = "class Pair(ctypes.Structure): _fields_ = [('a', ctypes.c_int)]\none = Pair()"
    report = extension.check(MODULE, INCREF + setup, "incref(%s)" % made)
    told = [(one["kind"], one["type"].split(".")[-1], one["references_per_run"]) for one in report["findings"]]
    assert told == [("leak", name, 1)], report


IN_A_SUBINTERPRETER = """
import sys, types_anywhere, pyrefcore
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
new = interpreters.create()
pyrefcore.attach()
interpreters.run_string(new, "import types_anywhere; types_anywhere.make('malloc')")
interpreters.destroy(new)
thing = types_anywhere.make("malloc")
report = pyrefcore.check(lambda: incref(thing))
print([(one.kind, one.type, one.references_per_run) for one in report.findings])
"""


@pytest.mark.skipif(not (3, 8) <= sys.version_info < (3, 12), reason="later ones refuse such a module")
def test_a_type_of_another_interpreter(attached):
    """The other interpreter has made the type ready, so only its lists of subclasses have the type."""
    path = os.pathsep.join([conftest.PACKAGE, extension.build(MODULE)])
    done = conftest.python("-c", INCREF + IN_A_SUBINTERPRETER, PYTHONPATH=path)
    assert done.stdout == "[('leak', 'types_anywhere.InMalloc', 1.0)]\n", done.stdout + done.stderr
